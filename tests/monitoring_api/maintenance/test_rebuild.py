"""Rollups made anew for a range, and held against what they are made of."""

from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.comparisons import COMPARISONS
from services.monitoring_api.maintenance.rebuild import rebuild, rebuildings
from services.monitoring_api.maintenance.verify import days, verify
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_tiers import maintain, seed
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
END = T0 + timedelta(hours=2)
NOW = END + timedelta(hours=2)
SPAN = TimeRange(epoch_ns(T0), epoch_ns(END))
ROLLUPS = (
    "rollup_requests_1m",
    "rollup_predictions_1m",
    "rollup_requests_15m",
    "rollup_predictions_15m",
    "rollup_requests_finished",
    "rollup_predictions_finished",
)


async def build(store, *, now=NOW, raw_days=400, told=None):
    """Rebuild the range."""
    progress = (told if told is not None else []).append
    return [
        await rebuild(store, what, SPAN, now=now, kept=timedelta(days=400), progress=progress)
        for what in rebuildings(raw_days, 400)
    ]


async def check(store):
    """What verifying the range finds."""
    found = [await verify(store, each, day) for each in COMPARISONS for day in days(SPAN)]
    return (
        sum(each.compared for each in found),
        sum(each.dirty for each in found),
        [difference for each in found for difference in each.differences],
    )


async def answers(store):
    """What people are answered, from every tier."""
    return {
        (metric, step): values(await ask_history(store, metric, T0, END, step=step))
        for metric in ("request_rate", "latency_p95", "score_mean", "score_p95")
        for step in ("1m", "5m", "15m", "1h")
    }


async def test_what_was_lost_or_wrong_is_made_anew(store):
    """Rows changed, removed and made up by hand: verify names them, and after a rebuild every answer is as it was."""
    seed(store)
    await maintain(store)
    wanted = await answers(store)
    compared, dirty, differences = await check(store)
    assert (compared > 100, dirty, differences) == (True, 0, [])
    lost = int(T0.timestamp()) + 20 * 60
    ask = store._connection.query
    ask(f"DELETE FROM otel.rollup_requests_1m WHERE Minute = toDateTime({lost}, 'UTC')")
    ask(
        "INSERT INTO otel.rollup_predictions_1m "
        "SELECT * REPLACE(Predictions + 1 AS Predictions, now64(6) AS ComputedAt) "
        f"FROM otel.rollup_predictions_1m FINAL WHERE Minute < toDateTime({lost}, 'UTC') LIMIT 1"
    )
    *_, differences = await check(store)
    assert {each.tier for each in differences} == {
        "rollup_requests_1m",
        "rollup_requests_15m",
        "rollup_predictions_1m",
        "rollup_predictions_15m",
        "rollup_requests_finished",
    }
    (gone,) = [each for each in differences if each.tier == "rollup_requests_1m"]
    assert (gone.start, gone.figure, gone.found) == (lost, "Requests", 0)
    assert gone.expected[0] == gone.expected[1] > 0
    told: list[int] = []
    requests, predictions = await build(store, told=told)
    assert (requests.quarters, predictions.quarters) == (8, 8)
    assert max(told) >= requests.minutes > 50
    assert (await check(store))[1:] == (0, [])
    assert await answers(store) == wanted


async def test_from_nothing_to_everything_while_data_arrives(store):
    """Empty rollups are filled from raw rows; a row that comes in between is counted, now or by its own mark."""
    seed(store)
    await maintain(store)
    wanted = await answers(store)
    for table in ROLLUPS:
        store._connection.query(f"TRUNCATE TABLE otel.{table}")
    execute = store.execute
    late = [span(T0 + timedelta(minutes=7), seconds=0.001)]

    async def with_a_late_row(query, **more):
        await execute(query, **more)
        if "INSERT INTO rollup_requests_1m" in query.sql and late:
            store.insert("otel_traces", [late.pop()])

    store.execute = with_a_late_row
    try:
        await build(store)
    finally:
        del store.execute
    await maintain(store)
    found = await answers(store)
    assert (await check(store))[1:] == (0, [])
    minute = found["request_rate", "1m"][()]
    assert [
        round((now - before) * 60) for now, before in zip(minute, wanted["request_rate", "1m"][()], strict=True)
    ] == [1 if number == 7 else 0 for number in range(120)]


async def test_minutes_whose_rows_are_no_longer_whole_stay_as_they_are(store):
    """Spans live a day here: what is older is neither computed nor lost, and the outcome says from when on it was."""
    seed(store)
    await maintain(store)
    wanted = await answers(store)
    store._connection.query("TRUNCATE TABLE otel.otel_traces")
    now = T0 + timedelta(days=1, hours=2)
    requests, predictions = await build(store, now=now, raw_days=1)
    assert requests.minutes == 0
    assert requests.from_ns == epoch_ns(T0 + timedelta(hours=3))
    assert predictions.minutes > 50
    assert await answers(store) == wanted


async def test_dirty_buckets_are_left_out_of_a_comparison(store):
    """What is about to be computed is no difference."""
    seed(store)
    await maintain(store)
    store.insert("otel_traces", [span(T0 + timedelta(minutes=7))])
    compared, dirty, differences = await check(store)
    # The minute and its quarter, and the finished figures of both.
    assert (dirty, differences) == (4, [])
    assert isinstance(compared, int)


def test_a_range_is_cut_into_days_of_whole_quarters():
    """Cut ends are left out, for a quarter of which only a part was read would seem to differ."""
    found = list(days(TimeRange(SPAN.start_ns + 1, SPAN.end_ns + 3 * 86_400 * 10**9)))
    assert found[0].start_ns == SPAN.start_ns + 900 * 10**9
    assert [each.end_ns for each in found[:-1]] == [each.start_ns for each in found[1:]]
    assert all(each.end_ns - each.start_ns <= 86_400 * 10**9 for each in found)
    assert list(days(TimeRange(1, 2))) == []
