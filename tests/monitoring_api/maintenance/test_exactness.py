"""Answers are the same from rollups and from raw rows, whatever is delivered twice, late or in other batches."""

import random
from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, PREDICTIONS_15M, REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.catalogue import CATALOGUE
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import T0, prediction, span

pytestmark = pytest.mark.anyio
END = T0 + timedelta(minutes=10)
LATER = END + timedelta(hours=1)
# Those of labels have tests of their own.
METRICS = [name for name, metric in CATALOGUE.items() if metric.source.name in {"requests", "predictions"}]
# What is stored more than once when it came or was computed more than once, until it is merged.
ROLLUPS = (
    *("rollup_requests_1m", "rollup_predictions_1m", "rollup_requests_15m", "rollup_predictions_15m"),
    *("rollup_requests_finished", "rollup_predictions_finished"),
)
REPLACING = ("otel_traces", "predictions_data", *ROLLUPS)
GROUPS = {"requests": ["route", "status_class"], "predictions": ["model_version", "features_source"]}


@pytest.fixture
def unmerged(store):
    """A store that merges nothing."""
    for table in REPLACING:
        store.rows(f"SYSTEM STOP MERGES otel.{table}")
    yield store
    for table in REPLACING:
        store.rows(f"SYSTEM START MERGES otel.{table}")


def _versions(store, tables):
    """How often each row of these tables is there, on average."""
    return {
        table: store.rows(f"SELECT (SELECT count() FROM {table}) / (SELECT count() FROM {table} FINAL)")[0][0]
        for table in tables
    }


async def _maintain(store, now=LATER):
    return [
        await recompute(store, what, now=now, settle=timedelta(seconds=10), kept=timedelta(days=30), most_marks=10_000)
        for what in (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M, PREDICTIONS_15M)
    ]


def _seeded(count=400):
    chance = random.Random(7)
    spans = [
        span(
            T0 + timedelta(seconds=chance.random() * 600),
            seconds=chance.lognormvariate(-3, 1),
            route=chance.choice(["/v1/predict", "/v1/labels"]),
            status=chance.choice([200, 200, 404, 500]),
        )
        for _ in range(count)
    ]
    events = [
        prediction(
            T0 + timedelta(seconds=chance.random() * 600),
            score=chance.choice([None, chance.random()]),
            version=chance.choice(["v1", "v2"]),
            source=chance.choice(["store", "fallback"]),
        )
        for _ in range(count)
    ]
    return spans, events


async def _answers(store, *, start=T0, end=END, step="1m"):
    """Every metric's answer, in minutes unless another step is given, whole and by groups."""
    found = {}
    for metric in METRICS:
        for by in ([], GROUPS[CATALOGUE[metric].source.name]):
            answer = await ask_history(store, metric, start, end, by=by, step=step)
            found[metric, tuple(by)] = (answer, values(answer))
    return found


def _same(first, second):
    for key, (_, wanted) in first.items():
        _, found = second[key]
        assert set(found) == set(wanted), key
        for group, points in wanted.items():
            for one, other in zip(points, found[group], strict=True):
                assert (one is None) == (other is None), (key, group)
                # Sums of floating-point numbers depend on their order in the last digit.
                assert one is None or other == pytest.approx(one, rel=1e-12), (key, group)


async def test_rollups_answer_what_raw_rows_answer(store):
    """Every metric, whole and by group, before and after its minutes are computed."""
    spans, events = _seeded()
    store.insert("otel_traces", spans)
    store.insert("otel_logs", events)
    raw = await _answers(store)
    assert {answer.source for answer, _ in raw.values()} == {"raw"}
    assert [done.buckets for done in await _maintain(store)] == [10, 10, 1, 1]
    rolled = await _answers(store)
    assert {answer.source for answer, _ in rolled.values()} == {"rollup_1m"}
    quantiles = {key for key in raw if "_p" in key[0]}
    _same({key: raw[key] for key in raw if key not in quantiles}, rolled)
    for key in quantiles:
        for group, points in raw[key][1].items():
            assert [p is None for p in points] == [p is None for p in rolled[key][1][group]]


async def test_duplicates_change_nothing(store):
    """The same rows twice, regrouped into other batches and split, before and after the minutes are computed."""
    spans, events = _seeded()
    store.insert("otel_traces", spans)
    store.insert("otel_logs", events)
    await _maintain(store)
    wanted = await _answers(store)
    random.Random(1).shuffle(spans)
    random.Random(2).shuffle(events)
    for part in range(3):
        store.insert("otel_traces", spans[part::3])
        store.insert("otel_logs", events[part::3])
    dirty = await _answers(store)
    assert {answer.source for answer, _ in dirty.values()} == {"raw"}
    _same({key: wanted[key] for key in wanted if "_p" not in key[0]}, dirty)
    await _maintain(store)
    again = await _answers(store)
    assert {answer.source for answer, _ in again.values()} == {"rollup_1m"}
    _same(wanted, again)


async def test_merges_that_never_run_change_nothing(unmerged):
    """Everything comes four times and is computed four times, and every version of every row is still there."""
    spans, events = _seeded()
    end, steps = T0 + timedelta(minutes=15), ("1m", "5m", "15m")
    wanted = {}
    for seed in range(4):
        random.Random(seed).shuffle(spans)
        random.Random(seed).shuffle(events)
        for part in range(2):
            unmerged.insert("otel_traces", spans[part::2])
            unmerged.insert("otel_logs", events[part::2])
        done = await _maintain(unmerged)
        assert [each.buckets for each in done] == [10, 10, 1, 1]
        for step in steps:
            found = await _answers(unmerged, end=end, step=step)
            assert "raw" not in {answer.source for answer, _ in found.values()}
            _same(wanted.setdefault(step, found), found)
    assert min(_versions(unmerged, REPLACING).values()) == 4
    before = values(await ask_history(unmerged, "request_rate", T0, end, step="15m"))[()]
    unmerged.insert("otel_traces", [span(T0 + timedelta(minutes=4, seconds=30))])
    await _maintain(unmerged)
    assert values(await ask_history(unmerged, "request_rate", T0, end, step="15m"))[()] == [
        pytest.approx(before[0] + 1 / 900)
    ]
    assert min(_versions(unmerged, REPLACING).values()) > 3


async def test_a_late_row_changes_only_its_own_minute(store):
    """A failed request that comes an hour late is in the answer at once, and after its minute is computed again."""
    spans, events = _seeded()
    store.insert("otel_traces", spans)
    store.insert("otel_logs", events)
    await _maintain(store)
    before = values(await ask_history(store, "request_rate", T0, END))[()]
    store.insert("otel_traces", [span(T0 + timedelta(minutes=4, seconds=30), status=500)])
    wanted = [rate + (1 / 60 if minute == 4 else 0) for minute, rate in enumerate(before)]
    mixed = await ask_history(store, "request_rate", T0, END)
    assert (mixed.source, values(mixed)) == ("mixed", {(): pytest.approx(wanted)})
    requests, predictions, *_ = await _maintain(store)
    assert (requests.buckets, predictions.buckets) == (1, 0)
    rolled = await ask_history(store, "request_rate", T0, END)
    assert (rolled.source, values(rolled)) == ("rollup_1m", {(): pytest.approx(wanted)})


async def test_a_range_that_cuts_minutes_is_exact(store):
    """The parts of minutes at both ends of a range are counted from raw rows."""
    spans, _ = _seeded()
    store.insert("otel_traces", spans)
    await _maintain(store)
    start, end = T0 + timedelta(seconds=90, microseconds=1), T0 + timedelta(seconds=401)
    inside = [
        each for each in spans if start.strftime("%H:%M:%S.%f") <= each["Timestamp"][11:] < end.strftime("%H:%M:%S.%f")
    ]
    answer = await ask_history(store, "request_rate", start, end, step="1h")
    assert answer.source == "mixed"
    assert values(answer)[()] == [pytest.approx(len(inside) / (end - start).total_seconds())]


async def test_longer_steps_merge_minutes(store):
    """Five minutes are the sum of their minutes; percentiles are merged, never averaged."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=n), seconds=10 if n < 3 else 0.01) for n in range(300)])
    await _maintain(store)
    answer = await ask_history(store, "latency_p50", T0, T0 + timedelta(minutes=5), step="5m")
    assert answer.source == "rollup_1m"
    assert values(answer)[()] == [pytest.approx(0.01, rel=0.01)]
