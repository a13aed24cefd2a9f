"""Performance of rows as they really are: sent as events, joined with their labels by the tables and views."""

from datetime import timedelta
from random import Random

import pytest
from sklearn import metrics

from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.performance.bins import Binning
from services.monitoring_api.queries.performance.calibration import reliability
from services.monitoring_api.queries.performance.curves import confusion, thresholds
from services.monitoring_api.queries.performance.measure import measure
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.store import T0, label, prediction

pytestmark = pytest.mark.anyio

_DAY = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(days=1)))


def _late(at, name: str, score: str, *, positive: bool) -> dict:
    """A prediction whose score is sent as this text, decided apart from it."""
    attributes = {
        "ml.prediction.score": score,
        "ml.prediction.positive": str(positive).lower(),
        "ml.prediction.label": "late" if positive else "on_time",
    }
    return prediction(at, prediction_id=name, score=None, attributes=attributes)


async def _measured(store, task: str = "binary", groups=(), **more):
    outcomes = Outcomes("flight-delay", _DAY)
    return await measure(store, outcomes.rows(), outcomes.parameters(), task, groups, **more)


async def test_scores_that_are_no_numbers_still_decided(store):
    """NaN, infinite, missing and unreadable scores leave rank and probability; huge ones rank; all decisions count."""
    scores = ["nan", "inf", "-inf", "1e300", "-1e300", "1e-300", "0.25", "0.75", "", "many"]
    made = [_late(T0, f"p{n}", score, positive=n % 2 == 0) for n, score in enumerate(scores)]
    said = [label(T0, f"p{n}", "late" if n % 3 else "on_time") for n in range(len(scores))]
    store.insert("otel_logs", [*made, *said])
    [found] = await _measured(store, least=1)
    assert (found.predictions, found.labels) == (10, 10)
    counted = {name: figure.n for name, figure in found.figures.items()}
    assert (counted["accuracy"], counted["f1"], counted["roc_auc"], counted["brier"]) == (10, 10, 5, 3)
    ranked = [n for n in range(10) if n in range(3, 8)]
    true = [bool(n % 3) for n in ranked]
    assert found.figures["roc_auc"].value == pytest.approx(
        metrics.roc_auc_score(true, [float(scores[n]) for n in ranked])
    )
    assert found.figures["f1"].value == pytest.approx(
        metrics.f1_score([bool(n % 3) for n in range(10)], [n % 2 == 0 for n in range(10)])
    )


async def test_what_came_twice_shuffled_and_corrected_is_what_came_once(store):
    """Sent twice in any order, half the labels corrected: figures and curves are to the digit as if computed afresh."""
    random = Random(4)
    made, first, last = [], [], []
    for n in range(120):
        at = T0 + timedelta(minutes=n)
        made.append(prediction(at, prediction_id=f"p{n}", score=round(random.random(), 1)))
        first.append(label(at + timedelta(hours=2), f"p{n}", random.choice(["late", "on_time"])))
        last.append(label(at + timedelta(hours=5), f"p{n}", random.choice(["late", "on_time"])) if n % 2 else first[-1])
    store.insert("otel_logs", [*made, *last])
    once = await _everything(store)
    store.empty()
    events = [*made, *made, *first, *first, *last, *last]
    random.shuffle(events)
    for start in range(0, len(events), 100):
        store.insert("otel_logs", events[start : start + 100])
    assert await _everything(store) == once


async def test_days_and_segments_are_groups(store):
    """Time buckets and features group; the parts' labels sum to the whole's."""
    made = [
        prediction(
            T0 + timedelta(hours=n % 4),
            prediction_id=f"p{n}",
            score=n / 100,
            features={"carrier": "UA" if n % 2 else None},
        )
        for n in range(100)
    ]
    said = [label(T0 + timedelta(hours=9), f"p{n}", "late" if n % 5 else "on_time") for n in range(96)]
    store.insert("otel_logs", [*made, *said])
    groups = ["toUnixTimestamp(toStartOfHour(Timestamp))", "JSONExtract(Features, 'carrier', 'Nullable(String)')"]
    found = await _measured(store, groups=groups, least=1)
    hour = int(T0.timestamp())
    assert [each.group for each in found] == [
        (hour, None),
        (hour + 3_600, "UA"),
        (hour + 7_200, None),
        (hour + 10_800, "UA"),
    ]
    assert sum(each.labels for each in found) == 96
    assert sum(each.predictions for each in found) == 100
    assert all(each.figures["roc_auc"].value is not None for each in found)


async def _everything(store) -> tuple:
    outcomes = Outcomes("flight-delay", _DAY)
    rows, parameters = outcomes.rows(), outcomes.parameters()
    hourly = ["toStartOfInterval(Timestamp, INTERVAL 1 HOUR)"]
    return (
        await _measured(store),
        await _measured(store, groups=hourly),
        [await reliability(store, rows, parameters, binning=binning) for binning in Binning],
        await confusion(store, rows, parameters, "binary"),
        await thresholds(store, rows, parameters, [0.2, 0.5, 0.8]),
    )
