"""Performance from rollups is that from rows, and scikit-learn's, whatever came twice, late or corrected."""

import random
from datetime import timedelta

import numpy as np
import pytest
from sklearn import metrics

from services.monitoring_api.maintenance.judged_traces import follow_labels
from services.monitoring_api.maintenance.kept_traces import KeepingRules
from services.monitoring_api.maintenance.outcome_comparisons import OUTCOME_COMPARISONS
from services.monitoring_api.maintenance.rebuild import rebuild, rebuildings
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import OUTCOMES_1D, OUTCOMES_15M, PREDICTIONS_1M, PREDICTIONS_15M
from services.monitoring_api.maintenance.score_bins import keep_bins
from services.monitoring_api.maintenance.verify import days, verify
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import T0, label, prediction

pytestmark = pytest.mark.anyio

START = T0.replace(hour=0)
DAY = timedelta(days=1)
END = START + 3 * DAY
LATER = END + 2 * DAY
RULES = KeepingRules(timedelta(days=30), timedelta(days=400), timedelta(days=60))
BINARY = ("label_coverage", "accuracy", "precision", "recall", "f1", "balanced_accuracy", "mcc", "log_loss", "brier")
AREAS = ("roc_auc", "pr_auc")
REGRESSION = ("mae", "rmse", "r2", "mape", "bias")
MODEL = ["model=flight-delay"]


async def maintain(store, now=LATER):
    """Everything the maintenance process does for performance; how many buckets it computed."""
    await follow_labels(store, RULES, most=100_000)
    given = {"now": now, "settle": timedelta(seconds=10), "kept": timedelta(days=300), "most_marks": 100_000}
    done = [await recompute(store, tier, **given) for tier in (PREDICTIONS_1M, PREDICTIONS_15M, OUTCOMES_15M)]
    await keep_bins(store)
    done.append(await recompute(store, OUTCOMES_1D, **given))
    return [each.buckets for each in done]


def made(count=3_000, seed=5):
    """Predictions of three days, and labels for most of them, some hours later; some are corrected."""
    chance = random.Random(seed)
    predictions, labels, truth = [], [], {}
    for number in range(count):
        name = f"p{seed}-{number}"
        at = START + chance.random() * 3 * DAY
        score = round(chance.random(), 3)
        row = prediction(
            at,
            prediction_id=name,
            score=score,
            version=chance.choice(["v1", "v2"]),
            source=chance.choice(["store", "store", "fallback"]),
        )
        predictions.append(row)
        if chance.random() < 0.9:
            late = chance.random() < 0.3 * score + 0.5 * score * score
            labels.append(label(at + timedelta(hours=3), name, "late" if late else "on_time"))
            if chance.random() < 0.05:
                late = not late
                labels.append(label(at + timedelta(hours=9), name, "late" if late else "on_time"))
            truth[name] = (at, score, late)
    return predictions, labels, truth


async def answers(store, names, *, step="1d", where=MODEL, by=(), tz="UTC", start=START, end=END):
    """Every metric's values by group, where they come from, and how far they may be off."""
    found = {}
    for name in names:
        answer = await ask_history(store, name, start, end, step=step, where=where, by=by, now=LATER, tz=tz)
        found[name] = (values(answer), answer.source, answer.error_bound)
    return found


def assert_same(one, other):
    """Values agree to a billionth, or within what the answers say they may be off."""
    assert one.keys() == other.keys()
    for name, (mine, _, bound) in one.items():
        theirs, _, other_bound = other[name]
        assert mine.keys() == theirs.keys(), name
        for group, points in mine.items():
            for value, expected in zip(points, theirs[group], strict=True):
                assert (value is None) == (expected is None), (name, group)
                if value is not None:
                    assert value == pytest.approx(expected, rel=1e-9, abs=bound + other_bound + 1e-12), (name, group)


def by_scikit_learn(truth):
    """Each day's figures."""
    found = {name: [] for name in (*BINARY[1:], *AREAS)}
    for day in range(3):
        rows = [row for row in truth.values() if START + day * DAY <= row[0] < START + (day + 1) * DAY]
        scores, actual = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
        decided = scores >= 0.5
        found["accuracy"].append(metrics.accuracy_score(actual, decided))
        found["precision"].append(metrics.precision_score(actual, decided))
        found["recall"].append(metrics.recall_score(actual, decided))
        found["f1"].append(metrics.f1_score(actual, decided))
        found["balanced_accuracy"].append(metrics.balanced_accuracy_score(actual, decided))
        found["mcc"].append(metrics.matthews_corrcoef(actual, decided))
        found["log_loss"].append(metrics.log_loss(actual, scores))
        found["brier"].append(metrics.brier_score_loss(actual, scores))
        found["roc_auc"].append(metrics.roc_auc_score(actual, scores))
        found["pr_auc"].append(metrics.average_precision_score(actual, scores))
    return found


async def test_days_come_from_rollups_and_equal_scikit_learn(store):
    """Raw, prepared and summed up: each equals scikit-learn on the same rows; areas within the bound that is told."""
    predictions, labels, truth = made()
    store.insert("otel_logs", [*labels[:500], *predictions, *labels[500:]])
    expected = by_scikit_learn(truth)
    raw = await answers(store, (*BINARY, *AREAS))
    await maintain(store)
    rolled = await answers(store, (*BINARY, *AREAS))
    assert {source for _, source, _ in raw.values()} == {"raw"}
    assert {source for _, source, _ in rolled.values()} == {"rollup_1d"}
    for name, figures in expected.items():
        assert raw[name][0][()] == pytest.approx(figures, rel=1e-9), name
        assert rolled[name][0][()] == pytest.approx(figures, rel=1e-9, abs=rolled[name][2]), name
    assert_same(raw, rolled)
    assert 0 < rolled["roc_auc"][2] < 0.001
    assert 0 < rolled["pr_auc"][2] < 0.01
    assert {rolled[name][2] for name in BINARY} == {0.0}


@pytest.mark.parametrize(
    ("step", "tz", "source"),
    [("1h", "UTC", "rollup_15m"), ("1d", "Asia/Kathmandu", "rollup_15m"), ("15m", "UTC", "rollup_15m")],
)
async def test_other_buckets_come_from_quarters_or_rows(store, step, tz, source):
    """Sums from quarters of an hour, areas from rows that are joined already; both as from raw rows."""
    predictions, labels, _ = made(count=2_200)
    store.insert("otel_logs", [*predictions, *labels])
    asked = {"step": step, "tz": tz, "by": ["model_version", "features_source"]}
    names = ("accuracy", "f1", "mcc", "log_loss", "roc_auc")
    raw = await answers(store, names, **asked)
    await maintain(store)
    rolled = await answers(store, names, **asked)
    assert_same(raw, rolled)
    assert {rolled[name][1] for name in names[:-1]} == {source}
    assert (rolled["roc_auc"][1], rolled["roc_auc"][2]) == ("joined", 0.0)


async def test_whatever_comes_twice_late_or_corrected_equals_a_fresh_computation(store):
    """The same rows again, shuffled, labels before predictions, half the labels corrected after all was computed."""
    predictions, labels, truth = made()
    store.insert("otel_logs", predictions)
    await maintain(store)
    chance = random.Random(1)
    store.insert("otel_logs", chance.sample(labels, len(labels)))
    await maintain(store)
    store.insert("otel_logs", chance.sample([*predictions, *labels], len(predictions) + len(labels)))
    corrected = [
        label(at + timedelta(hours=30), name, "on_time" if late else "late")
        for number, (name, (at, _, late)) in enumerate(truth.items())
        if number % 2
    ]
    await maintain(store)
    store.insert("otel_logs", corrected)
    await follow_labels(store, RULES, most=100_000)
    before = await answers(store, (*BINARY, *AREAS))
    turned = {
        name: (at, score, late ^ bool(number % 2)) for number, (name, (at, score, late)) in enumerate(truth.items())
    }
    for name, figures in by_scikit_learn(turned).items():
        assert before[name][0][()] == pytest.approx(figures, rel=1e-9, abs=before[name][2]), name
    await maintain(store)
    after = await answers(store, (*BINARY, *AREAS))
    assert {source for _, source, _ in after.values()} == {"rollup_1d"}
    assert_same(before, after)
    store.empty()
    store.insert("otel_logs", [*corrected, *labels, *predictions])
    assert_same(after, await answers(store, (*BINARY, *AREAS)))


async def test_a_label_counts_at_once(store):
    """Between a label's arrival and the next pass its quarter of an hour is read from raw rows, and no other."""
    predictions, labels, _ = made()
    store.insert("otel_logs", [*predictions, *labels])
    await maintain(store)
    coverage = (await answers(store, ["label_coverage"], step="1h"))["label_coverage"][0][()]
    waiting = {row["LogAttributes"]["ml.prediction.id"] for row in predictions}
    waiting -= {row["LogAttributes"]["ml.prediction.id"] for row in labels}
    first = next(row for row in predictions if row["LogAttributes"]["ml.prediction.id"] in waiting)
    store.insert("otel_logs", [label(END, first["LogAttributes"]["ml.prediction.id"], "late")])
    found, source, _ = (await answers(store, ["label_coverage"], step="1h"))["label_coverage"]
    assert source == "mixed"
    assert sum(now > then for now, then in zip(found[()], coverage, strict=True)) == 1
    assert (await maintain(store))[2:] == [1, 1]


async def test_as_of_reads_what_had_arrived(store):
    """Asked as of a time before the corrections, the answer is what it was then, also after these came."""
    predictions, labels, truth = made(count=400)
    first = [row for row in labels if row["LogAttributes"]["ml.label.observed_at"]]
    store.insert("otel_logs", [*predictions, *first])
    await maintain(store)
    then = await ask_history(store, "accuracy", START, END, step="1d", where=MODEL, now=LATER)
    more = [label(END + DAY, name, "on_time" if late else "late") for name, (_, _, late) in truth.items()]
    store.insert("otel_logs", more)
    await maintain(store)
    now = await ask_history(store, "accuracy", START, END, step="1d", where=MODEL, now=LATER)
    past = await ask_history(
        store, "accuracy", START, END, step="1d", where=MODEL, now=LATER, as_of=END + timedelta(hours=12)
    )
    assert values(past) == values(then)
    assert values(now) != values(then)
    assert past.source == "raw"


async def test_regressions_equal_scikit_learn(store):
    """Errors and the share of variance explained, from rows and from rollups."""
    chance = random.Random(3)
    rows, truth, given = [], [], []
    for number in range(300):
        at = START + chance.random() * DAY
        truth.append(1_000_000 + chance.gauss(0, 3))
        given.append(round(truth[-1] + chance.gauss(0.5, 1), 6))
        kind = {"ml.task": "regression", "ml.prediction.value": str(given[-1])}
        rows.append(prediction(at, prediction_id=f"r{number}", score=None, attributes=kind))
        rows.append(label(at + timedelta(hours=2), f"r{number}", repr(truth[-1])))
    store.insert("otel_logs", rows)
    expected = {
        "mae": metrics.mean_absolute_error(truth, given),
        "rmse": metrics.root_mean_squared_error(truth, given),
        "r2": metrics.r2_score(truth, given),
        "mape": metrics.mean_absolute_percentage_error(truth, given),
        "bias": float(np.mean(np.array(given) - np.array(truth))),
    }
    for maintained in (False, True):
        if maintained:
            await maintain(store)
        found = await answers(store, REGRESSION, end=START + DAY)
        for name, figure in expected.items():
            assert found[name][0][()] == [pytest.approx(figure, rel=1e-7)], name
            assert found[name][1] == ("rollup_1d" if maintained else "mixed")


async def test_new_bins_replace_the_old_ones(store):
    """With bins of a reference, days in bins of before are read from rows until they are computed anew."""
    predictions, labels, _ = made()
    store.insert("otel_logs", [*predictions, *labels])
    await maintain(store)
    before = await answers(store, ("roc_auc",))
    edges = [number / 300 for number in range(300)]
    store.insert("score_bins", [{"ModelName": "flight-delay", "Edges": edges, "MadeFrom": "reference"}])
    between = await answers(store, ("roc_auc",))
    assert {(source, bound) for _, source, bound in between.values()} == {("joined", 0.0)}
    await maintain(store)
    after = await answers(store, ("roc_auc",))
    assert {source for _, source, _ in after.values()} == {"rollup_1d"}
    assert all(after[name][2] > before[name][2] for name in ("roc_auc",))
    assert_same(between, after)


async def verified(store):
    """How many buckets agree or differ, how many are dirty, and the differences, of all that is kept of outcomes."""
    span = TimeRange(epoch_ns(START), epoch_ns(END))
    found = [await verify(store, each, day) for each in OUTCOME_COMPARISONS for day in days(span, each.seconds)]
    return (
        sum(each.compared for each in found),
        sum(each.dirty for each in found),
        {(each.tier, each.figure) for one in found for each in one.differences},
    )


@pytest.mark.timeout(900)
async def test_verify_names_what_is_wrong_and_rebuild_mends_it(store):
    """Rows of each table changed by hand are found by tier and figure; computed anew they agree."""
    predictions, labels, _ = made()
    store.insert("otel_logs", [*predictions, *labels])
    await maintain(store)
    before = await answers(store, (*BINARY, *AREAS))
    assert await verified(store) == (2 * 3 * 96 + 3, 0, set())
    for table, changed in (
        ("outcomes_data", "NOT Correct AS Correct"),
        ("rollup_outcomes_15m", "LogLossSum + 1 AS LogLossSum"),
        ("rollup_outcomes_1d", "map(toUInt32(2), toUInt64(5)) AS ScoreCounts"),
    ):
        store.rows(
            f"INSERT INTO {table} SELECT * REPLACE ({changed}, now64(6) AS ComputedAt) FROM {table} FINAL"
            " WHERE Minute >= (SELECT max(toStartOfDay(Minute, 'UTC')) FROM outcomes_data)"
        )
    # The first figure that differs is named: of sums that one which their rows changed, where these have labels.
    assert (await verified(store))[2] == {
        ("outcomes_data", "Correct"),
        ("rollup_outcomes_15m", "Correct"),
        ("rollup_outcomes_15m", "LogLossSum"),
        ("rollup_outcomes_1d", "Correct"),
    }
    _, predicted = rebuildings(400, 400)
    done = await rebuild(
        store, predicted, TimeRange(epoch_ns(START), epoch_ns(END)), now=LATER, kept=timedelta(days=400)
    )
    assert (done.quarters, done.days) == (3 * 96, 3)
    assert (await verified(store))[1:] == (0, set())
    assert_same(before, await answers(store, (*BINARY, *AREAS)))


async def test_scores_that_lie_elsewhere_than_their_bins_are_read_from_rows(store):
    """Bins made of equal scores hide everything; until they are made anew the answer comes from rows."""
    rows = []
    for number in range(2_400):
        name = f"e{number}"
        score = 0.5 if number < 2_100 else number / 2_400
        rows.append(prediction(START + number * DAY / 2_400, prediction_id=name, score=score))
        late = number % 2 == 0 if number < 2_100 else number > 2_250
        rows.append(label(START + DAY, name, "late" if late else "on_time"))
    store.insert("otel_logs", rows)
    edges = [{"ModelName": "flight-delay", "Edges": [0.5], "MadeFrom": "observed", "Rows": 2_100}]
    store.insert("score_bins", edges)
    await maintain(store)
    found = await answers(store, AREAS, end=START + DAY)
    assert {(source, bound) for _, source, bound in found.values()} == {("joined", 0.0)}
    assert found["roc_auc"][0][()] == [
        pytest.approx(
            metrics.roc_auc_score(
                [number % 2 == 0 if number < 2_100 else number > 2_250 for number in range(2_400)],
                [0.5 if number < 2_100 else number / 2_400 for number in range(2_400)],
            )
        )
    ]


async def test_scores_of_two_models_are_not_ranked_together(store):
    """Without a model there is no area where there are two, and there is one where there is one."""
    predictions, labels, _ = made(count=300)
    store.insert("otel_logs", [*predictions, *labels])
    one = await answers(store, AREAS, where=[])
    other = {"ml.model.name": "other"}
    store.insert("otel_logs", [prediction(START, prediction_id="x", attributes=other), label(START, "x", "late")])
    two = await answers(store, AREAS, where=[])
    assert all(value is not None for name in AREAS for value in one[name][0][()])
    assert all(two[name][0][()][0] is None for name in AREAS)


async def test_few_rows_or_one_class_are_null(store):
    """Nineteen labels say nothing; twenty of one class have an accuracy and no area under a curve."""
    for number in range(20):
        name = f"n{number}"
        store.insert("otel_logs", [prediction(START, prediction_id=name, score=0.7), label(START, name, "late")])
        if number == 18:
            assert (await answers(store, ["accuracy"], end=START + DAY))["accuracy"][0][()] == [None]
    found = await answers(store, ("accuracy", "roc_auc", "pr_auc", "mcc"), end=START + DAY)
    assert {name: figure[0][()] for name, figure in found.items()} == {
        "accuracy": [1.0],
        "roc_auc": [None],
        "pr_auc": [None],
        "mcc": [None],
    }
    assert set(CATALOGUE) >= {*BINARY, *AREAS, *REGRESSION}
