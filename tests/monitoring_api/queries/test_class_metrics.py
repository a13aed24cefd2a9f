"""Metrics of multi-class, calibration and quantiles: scikit-learn's on the same rows, wherever they are read from."""

import json
import random
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sklearn import metrics

from services.monitoring_api.maintenance.outcome_comparisons import OUTCOME_COMPARISONS
from services.monitoring_api.maintenance.verify import verify
from services.monitoring_api.queries.buckets import choose_step
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.class_measures import MOST_CLASSES
from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.performance_report import PerformanceQuestion, performance_report
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_outcomes import DAY, LATER, START, maintain
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import label, prediction

pytestmark = pytest.mark.anyio

CLASSES = ["cancelled", "it's late", "on time"]
TABLED = ("precision", "recall", "f1")
OF_SUMS = (*TABLED, *(f"{name}_weighted" for name in TABLED), "accuracy", "balanced_accuracy", "mcc", "log_loss")
RANKED = ("roc_auc_macro", "roc_auc_weighted")
CALIBRATION = ("ece_equal_mass", "ece_equal_width", "brier_reliability", "brier_resolution", "brier_uncertainty")


def classified(count=600, model="three"):
    """Predictions of three classes over two days with tied scores, most with a label; and their labels and scores."""
    chance = random.Random(11)
    rows, days = [], ([], [])
    for number in range(count):
        at = START + chance.random() * 2 * DAY
        first = round(chance.random(), 2)
        second = round((1 - first) * chance.random(), 2)
        scores = dict(zip(CLASSES, (first, second, round(1 - first - second, 2)), strict=True))
        decided = max(CLASSES, key=scores.__getitem__)
        rows.append(classification(at, f"c{number}", decided, scores, model))
        if chance.random() < 0.9:
            true = chance.choices(CLASSES, [each + 0.2 for each in scores.values()])[0]
            rows.append(label(at + timedelta(hours=2), f"c{number}", true))
            days[int((at - START) / DAY)].append((true, decided, [scores[each] for each in CLASSES]))
    return rows, days


def classification(at, name, decided, scores, model="three"):
    """A multi-class prediction."""
    attributes = {"ml.task": "multiclass", "ml.prediction.label": decided, "ml.model.name": model}
    body = json.dumps({"features": {}, "scores": scores})
    return prediction(at, prediction_id=name, score=None, attributes=attributes, Body=body)


def by_scikit_learn(rows):
    """The figures of one day."""
    true, decided, scores = zip(*rows, strict=True)
    scorers = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}
    found = {name: score(true, decided, average="macro") for name, score in scorers.items()}
    found |= {f"{name}_weighted": score(true, decided, average="weighted") for name, score in scorers.items()}
    ranked = {f"roc_auc_{average}": _area(true, scores, average) for average in ("macro", "weighted")}
    return {
        **found,
        **ranked,
        "accuracy": metrics.accuracy_score(true, decided),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, decided),
        "mcc": metrics.matthews_corrcoef(true, decided),
        "log_loss": metrics.log_loss(true, np.array(scores), labels=CLASSES),
    }


def _area(true, scores, average):
    """As ``roc_auc_score(multi_class="ovr")``, which wants sums of exactly 1."""
    hits = np.array([[each == name for name in CLASSES] for each in true])
    return metrics.roc_auc_score(hits, np.array(scores), average=average)


async def asked(store, names, model, *, step="1d", end=START + 2 * DAY):
    """Each metric's points, and where they come from."""
    found = {}
    for name in names:
        answer = await ask_history(store, name, START, end, step=step, where=[f"model={model}"], now=LATER)
        found[name] = (values(answer).get(()), answer.source)
    return found


async def reported(store, model, wanted=None):
    """What /models/{name}/performance says of each day, and over all."""
    span = TimeRange(epoch_ns(START), epoch_ns(START + 2 * DAY))
    buckets = choose_step("1d", span, ZoneInfo("UTC"))
    question = PerformanceQuestion(Outcomes(model, span), buckets, epoch_ns(LATER), wanted=wanted, exact=True)
    report = await performance_report(store, question)
    return [part.measured.figures for part in report.series], report.whole.measured.figures


async def test_multi_class_metrics_equal_scikit_learn(store):
    """From raw rows, from sums and from joined rows: each figure of each day; the report says the same."""
    rows, days = classified()
    store.insert("otel_logs", rows)
    expected = [by_scikit_learn(day) for day in days]
    for maintained in (False, True):
        if maintained:
            await maintain(store)
        found = await asked(store, (*OF_SUMS, *RANKED), "three")
        for name, (points, source) in found.items():
            assert points == pytest.approx([each[name] for each in expected], rel=1e-9), name
            prepared = "joined" if name in RANKED else "rollup_1d"
            # Quarters without predictions are read from sums from the beginning.
            assert source in ({prepared} if maintained else {"raw", "mixed"}), name
    series, whole = await reported(store, "three")
    for name, (points, _) in found.items():
        assert [figures[name].value for figures in series] == pytest.approx(points, rel=1e-9), name
    assert (whole["precision"], whole["recall"]) == (whole["precision_macro"], whole["recall_macro"])
    of_days = OUTCOME_COMPARISONS[-1]
    compared = [
        await verify(store, of_days, TimeRange(epoch_ns(at), epoch_ns(at + DAY))) for at in (START, START + DAY)
    ]
    assert [(each.compared, each.differences) for each in compared] == [(1, ()), (1, ())]


async def test_part_of_a_day_is_of_sums_and_rows(store):
    """A range that cuts a quarter of an hour: what is summed up and what is not merge to the figures of its rows."""
    rows, _ = classified()
    store.insert("otel_logs", rows)
    end = START + DAY + timedelta(hours=5, minutes=7)
    before = await asked(store, OF_SUMS, "three", end=end)
    await maintain(store)
    after = await asked(store, OF_SUMS, "three", end=end)
    assert {source for _, source in after.values()} == {"mixed"}
    for name, (points, _) in before.items():
        assert after[name][0] == pytest.approx(points, rel=1e-9), name


async def test_what_is_mixed_or_no_class_has_no_figure(store):
    """Binary and multi-class predictions of one group, one class only, and labels that are no classes: null."""
    rows, _ = classified(count=100)
    binary = [prediction(START + timedelta(minutes=n), prediction_id=f"b{n}", score=n / 60) for n in range(60)]
    truth = [label(START + DAY, f"b{n}", "late" if n % 3 else "on_time") for n in range(60)]
    alike = [classification(START + timedelta(minutes=n), f"o{n}", "a", {"a": 1.0}, "one") for n in range(30)]
    alike += [label(START + DAY, f"o{n}", "a") for n in range(30)]
    many = MOST_CLASSES + 1
    ids = [classification(START + timedelta(seconds=n), f"m{n}", f"id{n}", {}, "many") for n in range(many)]
    ids += [label(START + DAY, f"m{n}", f"id{n}") for n in range(many)]
    store.insert("otel_logs", [*rows, *binary, *truth, *alike, *ids])
    for maintained in (False, True):
        if maintained:
            await maintain(store)
        for name in ("precision", "f1", "mcc"):
            together = await ask_history(store, name, START, START + DAY, step="1d", now=LATER)
            assert values(together) == {(): [None]}
            found = await asked(store, [name], "flight-delay", end=START + DAY)
            assert found[name][0][0] is not None
            for model in ("one", "many"):
                assert (await asked(store, [name], model, end=START + DAY))[name][0] == [None], (name, model)
        assert (await asked(store, ["f1_weighted"], "flight-delay", end=START + DAY))["f1_weighted"][0] == [None]
        assert (await asked(store, ["accuracy"], "many", end=START + DAY))["accuracy"][0] == [1.0]


def calibrated(scores, hits):
    """Calibration errors and the Brier score's parts, by their formulas over ten bins."""
    n, share = len(scores), np.mean(hits)
    order = np.argsort(scores, kind="stable")
    before = np.searchsorted(scores[order], scores[order], side="left")
    masses = 10 * before // n
    by_mass = [(scores[order][masses == each], hits[order][masses == each]) for each in np.unique(masses)]
    widths = np.digitize(scores, [each * 0.1 for each in range(1, 10)], right=True)
    by_width = [(scores[widths == each], hits[widths == each]) for each in np.unique(widths)]
    return {
        "ece_equal_mass": sum(len(s) * abs(s.mean() - h.mean()) for s, h in by_mass) / n,
        "ece_equal_width": sum(len(s) * abs(s.mean() - h.mean()) for s, h in by_width) / n,
        "brier_reliability": sum(len(s) * (s.mean() - h.mean()) ** 2 for s, h in by_mass) / n,
        "brier_resolution": sum(len(h) * (h.mean() - share) ** 2 for _, h in by_mass) / n,
        "brier_uncertainty": share * (1 - share),
    }


@pytest.mark.parametrize("digits", [1, 2, 9])
async def test_calibration_is_that_of_its_formulas(store, digits):
    """Tied scores and none alike, from raw and from joined rows: the formulas over the same bins, and the report."""
    chance = random.Random(digits)
    rows, days = [], ([], [])
    for number in range(500):
        at = START + chance.random() * 2 * DAY
        score = round(chance.random(), digits)
        late = chance.random() < score**2
        rows.append(prediction(at, prediction_id=f"s{number}", score=score))
        rows.append(label(at + timedelta(hours=2), f"s{number}", "late" if late else "on_time"))
        days[int((at - START) / DAY)].append((score, float(late)))
    store.insert("otel_logs", rows)
    expected = [calibrated(*(np.array(column) for column in zip(*day, strict=True))) for day in days]
    for maintained in (False, True):
        if maintained:
            await maintain(store)
        found = await asked(store, CALIBRATION, "flight-delay")
        for name, (points, source) in found.items():
            assert points == pytest.approx([each[name] for each in expected], rel=1e-9, abs=1e-12), name
            assert source in ({"joined"} if maintained else {"raw", "mixed"})
    series, _ = await reported(store, "flight-delay", frozenset(CALIBRATION))
    for name, (points, _) in found.items():
        assert [figures[name].value for figures in series] == pytest.approx(points, rel=1e-9, abs=1e-12), name


async def test_pinball_losses_equal_scikit_learn(store):
    """At each declared quantile, from raw rows and from sums, as the report says."""
    chance = random.Random(3)
    rows, truth, given = [], [], []
    for number in range(200):
        at = START + chance.random() * DAY
        truth.append(round(chance.gauss(50, 9), 3))
        given.append(round(truth[-1] + chance.gauss(1, 4), 3))
        attributes = {"ml.task": "regression", "ml.prediction.value": str(given[-1])}
        rows.append(prediction(at, prediction_id=f"q{number}", score=None, attributes=attributes))
        rows.append(label(at + timedelta(hours=2), f"q{number}", repr(truth[-1])))
    store.insert("otel_logs", rows)
    for maintained in (False, True):
        if maintained:
            await maintain(store)
        found = await asked(store, ("pinball_p10", "pinball_p50", "pinball_p90"), "flight-delay", end=START + DAY)
        for name, (points, _) in found.items():
            level = int(name[-2:]) / 100
            assert points == [pytest.approx(metrics.mean_pinball_loss(truth, given, alpha=level), rel=1e-9)], name
    series, _ = await reported(store, "flight-delay")
    for level in (0.1, 0.5, 0.9):
        points = found[f"pinball_p{level * 100:.0f}"][0]
        assert points == [pytest.approx(series[0][f"pinball_{level:g}"].value, rel=1e-9)]


def test_descriptions_say_what_a_figure_is_of():
    """Which task, which mean of classes, how many bins, which quantile."""
    described = {name: metric.description for name, metric in CATALOGUE.items()}
    assert all("macro" in described[name] and "Binary" in described[name] for name in TABLED)
    assert all("10 bins" in described[name] for name in CALIBRATION[:-1])
    assert "0.9" in described["pinball_p90"]
    assert all("from rows" in described[name] for name in (*RANKED, *CALIBRATION))
