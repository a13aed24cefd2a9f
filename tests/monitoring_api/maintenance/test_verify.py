"""Every figure of every tier, falsified in turn, is found; what is as it should be is not."""

from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.comparisons import COMPARISONS
from services.monitoring_api.maintenance.verify import days, verify
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_tiers import END, maintain, seed
from tests.monitoring_api.store import T0, prediction, span

pytestmark = pytest.mark.anyio
SPAN = TimeRange(epoch_ns(T0), epoch_ns(END))
SKETCH = "initializeAggregation('quantilesDDState(0.01, 0.5, 0.95, 0.99)', toFloat64(1e15))"
COUNTS = {
    "rollup_requests_1m": ["Requests", "Errors"],
    "rollup_requests_15m": ["Requests", "Errors"],
    "rollup_predictions_1m": ["Predictions", "Positives", "Judged", "Scored"],
    "rollup_predictions_15m": ["Predictions", "Positives", "Judged", "Scored"],
    "rollup_requests_finished": ["Requests"],
    "rollup_predictions_finished": ["Scored"],
}
FLOATS = {
    "rollup_requests_1m": ["DurationSum", "DurationMax", "DurationP50", "DurationP95", "DurationP99"],
    "rollup_requests_15m": ["DurationSum", "DurationMax"],
    "rollup_predictions_1m": ["ScoreSum", "ScoreP50", "ScoreP95"],
    "rollup_predictions_15m": ["ScoreSum"],
    "rollup_requests_finished": ["DurationP50", "DurationP95", "DurationP99"],
    "rollup_predictions_finished": ["ScoreP50", "ScoreP95"],
}


async def differences(store, table=None):
    """What verifying finds, of one table or of all."""
    wanted = [each for each in COMPARISONS if table in (None, each.name)]
    found = [await verify(store, each, day) for each in wanted for day in days(SPAN)]
    assert all(each.compared > 7 and each.dirty == 0 for each in found)
    return [difference for each in found for difference in each.differences]


async def falsified(store, table, column, sql):
    """What verifying a table finds while one of its columns is something else in one row; it is put back then."""
    one = f"SELECT * FROM {table} FINAL ORDER BY ComputedAt, Minute, cityHash64(*) LIMIT 1"
    if "score" in column.lower():
        one = one.replace("ORDER BY", "WHERE Scored > 0 ORDER BY")
    store.rows("DROP TABLE IF EXISTS saved")
    store.rows(f"CREATE TABLE saved ENGINE = Memory AS {one}")
    again = f"INSERT INTO {table} SELECT * REPLACE ({{}}now64(6) AS ComputedAt) FROM saved"
    store.rows(again.format(f"{sql} AS {column}, "))
    found = await differences(store, table)
    store.rows(again.format(""))
    return found


async def test_every_figure_that_is_falsified_is_found(store):
    """Each count, sum and percentile, finished or sketched: one row of one bucket, with its figure by name."""
    seed(store)
    await maintain(store)
    assert await differences(store) == []
    for table, columns in COUNTS.items():
        for column in columns:
            (found,) = await falsified(store, table, column, f"{column} + 1")
            assert (found.tier, found.figure, found.groups) == (table, column, 1)
            assert found.found == found.expected[0] + 1 == found.expected[1] + 1
    for table, columns in FLOATS.items():
        for column in columns:
            (found,) = await falsified(store, table, column, f"{column} * 1.000001 + 1e-8")
            assert (found.tier, found.figure, found.groups) == (table, column, 1)
            assert found.found > found.expected[1]
    for kind, column in (("requests", "DurationSketch"), ("predictions", "ScoreSketch")):
        for length in ("1m", "15m"):
            (found,) = await falsified(store, f"rollup_{kind}_{length}", column, SKETCH)
            assert (found.figure, found.found) == (f"{column} P50", pytest.approx(1e6, rel=0.01))
    assert await differences(store) == []


async def test_a_row_too_many_and_a_row_too_few_are_found(store):
    """A group that nothing below has, and one that is missing, in every table."""
    seed(store)
    await maintain(store)
    for table in COUNTS:
        dimension = "HttpRoute" if "requests" in table else "ModelVersion"
        store.rows("DROP TABLE IF EXISTS saved")
        store.rows(f"CREATE TABLE saved ENGINE = Memory AS SELECT * FROM {table} FINAL LIMIT 1")
        store.rows("DROP TABLE IF EXISTS gone")
        gone = f"(Minute, {dimension}) IN (SELECT Minute, {dimension} FROM saved)"
        store.rows(f"CREATE TABLE gone ENGINE = Memory AS SELECT * FROM {table} FINAL WHERE {gone}")
        store.rows(f"INSERT INTO {table} SELECT * REPLACE ('made up' AS {dimension}) FROM saved")
        (found,) = await differences(store, table)
        assert (found.expected, found.found > 0, "made up" in found.group) == ((0, 0), True, True)
        store.rows(f"DELETE FROM {table} WHERE {dimension} = 'made up'")
        store.rows(f"DELETE FROM {table} WHERE {gone}")
        missing = await differences(store, table)
        assert missing
        assert all(each.found == 0 < each.expected[0] for each in missing)
        store.rows(f"INSERT INTO {table} SELECT * FROM gone")
        assert await differences(store, table) == []


async def test_a_difference_says_what_and_where(store):
    """The figure, the group, what it is and what it should be, for a person."""
    seed(store)
    await maintain(store)
    (found,) = await falsified(store, "rollup_requests_finished", "DurationP95", "7")
    assert str(found).startswith(f"DurationP95 of {' '.join(found.group).strip()} is 7.0 instead of 0.")


async def test_what_is_only_rounded_or_sketched_is_no_difference(store):
    """Durations over nine orders of size, scores that cancel each other out, and minutes of many rows agree."""
    at = [T0 + timedelta(seconds=2 * n) for n in range(3_600)]
    store.insert("otel_traces", [span(each, seconds=1e-6 * 1.006**n) for n, each in enumerate(at)])
    scores = [(-1) ** n * 1.004**n * 1e-6 for n in range(len(at))]
    store.insert("otel_logs", [prediction(each, score=score) for each, score in zip(at, scores, strict=True)])
    await maintain(store)
    assert await differences(store) == []
