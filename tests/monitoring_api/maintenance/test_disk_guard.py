"""The guard of the disk, on the engine, with a measure of free space that the test controls."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring_api.database import (
    DatabaseFull,
    DatabaseRefused,
    DatabaseTooSlow,
    DatabaseUnavailable,
    Query,
)
from services.monitoring_api.maintenance.disk_guard import Guarded, LeastFree, Space, guard_disk, measure_space
from services.monitoring_api.maintenance.horizon import note_gone, whole_from
from services.monitoring_api.maintenance.rebuild import rebuild, rebuildings
from services.monitoring_api.maintenance.recompute import Pass, recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.pipeline.raw_days import raw_days, raw_days_query
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_process import maintenance
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import label, point, prediction, span

pytestmark = pytest.mark.anyio
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
LEAST = LeastFree(size=1_000, percent=0)
DAYS = [TODAY - timedelta(days=age) for age in (3, 2, 1, 0)]


def seed(store):
    """Four days, today's among them: spans (some failed), logs, metrics, predictions and labels."""
    for day in DAYS:
        store.insert("otel_traces", [span(day + timedelta(minutes=minute)) for minute in range(20)])
        store.insert("otel_traces", [span(day, status=500)])
        store.insert("otel_metrics_sum", [point(day, "requests", 1)])
        store.insert("otel_logs", [prediction(day, prediction_id=f"p{day.day}"), label(day, f"p{day.day}", "late")])


def days(store):
    """How many days of each raw table are there."""
    query = raw_days_query()
    found = [each.table for each in raw_days(store.rows(query.sql, query.parameters))]
    return {table: found.count(table) for table in ("otel_traces", "otel_logs", "otel_metrics_sum")}


async def guard(store, enough_after, kept=None):
    """Run the guard on a disk that has room again once so many days were dropped; those that it dropped."""
    measured = 0

    async def measure(_):
        nonlocal measured
        measured += 1
        return Space(999 if measured <= enough_after else 1_000, 10_000)

    async def keep_traces(before):
        (kept if kept is not None else []).append(before)

    return await guard_disk(store, LEAST, now=TODAY, keep_traces=keep_traces, measure=measure)


def until_dropped(store, count):
    """A measure by which room is wanted until so many days are gone."""
    query = raw_days_query()
    wanted = len(raw_days(store.rows(query.sql, query.parameters))) - count

    async def measure(_):
        left = len(raw_days(store.rows(query.sql, query.parameters)))
        return Space(0 if left > wanted else 1 << 40, 1 << 41)

    return measure


async def compute(store, now=TODAY + timedelta(hours=2)):
    """Work off what is dirty; what each tier did."""
    settle, kept = timedelta(0), timedelta(days=30)
    tiers = (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M)
    return [await recompute(store, tier, now=now, settle=settle, kept=kept, most_marks=10_000) for tier in tiers]


async def test_enough_room_drops_nothing(store):
    """Nothing is dropped while as much is free as is asked for; what that is, others can read."""
    seed(store)
    before = days(store)
    assert await guard(store, 0) == Guarded()
    assert days(store) == before
    assert store.rows("SELECT Value FROM maintenance_state FINAL WHERE Name = 'least_free_bytes'") == [[1_000]]


async def test_the_oldest_days_go_one_at_a_time_and_it_says_so(store, caplog):
    """As many days as needed, the oldest first whatever their table, each of them logged and written down."""
    seed(store)
    kept = []
    with caplog.at_level(logging.WARNING):
        guarded = await guard(store, 4, kept)
    oldest = DAYS[0].date()
    assert [each.day for each in guarded.dropped] == [oldest, oldest, oldest, DAYS[1].date()]
    assert {each.table for each in guarded.dropped[:3]} == {"otel_traces", "otel_logs", "otel_metrics_sum"}
    assert sum(days(store).values()) == 12 - 4
    assert len(caplog.records) == 4
    assert str(oldest) in caplog.records[0].message
    rows = store.rows("SELECT Table, toString(Day), Rows > 0, Bytes > 0, FreeBytes FROM raw_drops ORDER BY DroppedAt")
    assert rows == [[each.table, str(each.day), 1, 1, 999] for each in guarded.dropped]
    # Traces that matter are copied before the day's spans go.
    assert kept[0] == DAYS[0].replace(hour=0) + timedelta(days=1)


@pytest.mark.parametrize("problem", [DatabaseFull, DatabaseTooSlow, DatabaseRefused])
async def test_a_copy_that_fails_holds_no_drop_up(store, tmp_path, caplog, problem):
    """On a full disk the copy of traces finds no room: the days go all the same, and it is said that traces went."""
    seed(store)
    execute = store.execute

    async def full(query, **more):
        if query.sql.startswith("INSERT INTO kept_traces"):
            raise problem("ClickHouse's disk has no room left.")
        await execute(query, **more)

    store.execute = full
    try:
        now = TODAY + timedelta(hours=2)
        process = maintenance(store, tmp_path, now=now, measure=until_dropped(store, 3))
        await process.run_pass()
    finally:
        del store.execute
    assert days(store) == {"otel_traces": 3, "otel_logs": 3, "otel_metrics_sum": 3}
    assert store.rows("SELECT count() FROM kept_traces") == [[0]]
    lost = store.rows("SELECT Value FROM maintenance_state FINAL WHERE Name = 'traces_lost_at'")
    assert lost == [[int(now.timestamp())]]
    (said,) = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert said.startswith(f"traces of {DAYS[0].date()} that were to outlive it can't be copied, and go with it: ")


async def test_while_clickhouse_is_away_nothing_goes_uncopied(store):
    """A connection that breaks while traces are copied is no reason to lose them: the next look tries both again."""
    seed(store)

    async def away(_):
        raise DatabaseUnavailable("ClickHouse can't be reached.")

    with pytest.raises(DatabaseUnavailable):
        await guard_disk(store, LEAST, now=TODAY, keep_traces=away, measure=until_dropped(store, 3))
    assert days(store)["otel_traces"] == 4


async def test_traces_that_only_wait_for_a_label_are_not_copied_for_want_of_room(store, tmp_path):
    """With a prediction in every trace the copies would take what is freed; failed and wrong ones are copied."""
    at = DAYS[0]
    store.insert("otel_traces", [span(at, TraceId=f"{n:032x}", status=500 if n == 9 else 200) for n in range(10)])
    store.insert("otel_logs", [prediction(at, prediction_id=f"p{n}", TraceId=f"{n:032x}") for n in range(10)])
    store.insert("otel_logs", [label(TODAY - timedelta(days=1), "p3", "on_time")])
    await maintenance(
        store, tmp_path, now=TODAY + timedelta(hours=2), measure=until_dropped(store, 2), label_horizon_days=60
    ).run_pass()
    assert days(store)["otel_traces"] == 0
    rows = store.rows("SELECT TraceId, KeptFor FROM kept_traces FINAL ORDER BY TraceId")
    assert rows == [[f"{3:032x}", "wrong"], [f"{9:032x}", "failed"]]


async def test_today_predictions_labels_and_rollups_are_never_dropped(store):
    """When all else is gone it says that nothing is left, and the figures of the dropped days are what they were."""
    seed(store)
    await compute(store)
    asked = ("request_rate", "error_ratio", "latency_p95", "prediction_rate")

    async def answers():
        found = {}
        for metric in asked:
            for step in ("1m", "15m"):
                for day in DAYS[:3]:
                    end = day + timedelta(hours=1)
                    history = await ask_history(store, metric, day, end, step=step, now=TODAY + timedelta(hours=3))
                    found[metric, step, day] = values(history)
        return found

    wanted = await answers()
    assert any(value for series in wanted.values() for points in series.values() for value in points)
    guarded = await guard(store, 10_000)
    assert (guarded.exhausted, len(guarded.dropped)) == (True, 9)
    assert days(store) == {"otel_traces": 1, "otel_logs": 1, "otel_metrics_sum": 1}
    assert await answers() == wanted
    assert store.rows("SELECT uniqExact(PredictionId) FROM predictions")[0] == [len(DAYS)]
    assert store.rows("SELECT uniqExact(PredictionId) FROM labels")[0] == [len(DAYS)]
    assert store.rows(
        "SELECT count() FROM otel_traces_trace_id_ts FINAL WHERE Start < {start:DateTime}",
        {"start": TODAY.replace(hour=0)},
    ) == [[0]]


async def test_a_minute_whose_raw_rows_were_dropped_is_never_computed_again(store):
    """A late row for it is counted and reported, a rebuild leaves it alone, and its figures stay."""
    seed(store)
    await compute(store)
    rollup = "SELECT Minute, sum(Requests) FROM rollup_requests_1m FINAL GROUP BY Minute ORDER BY Minute"
    before = store.rows(rollup)
    await guard(store, 3)
    store.insert("otel_traces", [span(DAYS[0])])
    done = await compute(store)
    assert done[0] == Pass(0, 1, 1)
    assert store.rows(rollup) == before
    whole = TimeRange(epoch_ns(DAYS[0].replace(hour=0)), epoch_ns(TODAY + timedelta(hours=1)))
    requests = rebuildings(30, 400)[0]
    rebuilt = await rebuild(store, requests, whole, now=TODAY + timedelta(hours=2), kept=timedelta(days=400))
    assert rebuilt.from_ns == epoch_ns(DAYS[1].replace(hour=0))
    assert store.rows(rollup) == before
    # The day that holds only the late row is the oldest again, and what was noted does not go back.
    await guard(store, 1)
    since = await whole_from(store, "otel_traces", now=TODAY, kept=timedelta(days=30))
    assert since == DAYS[1].replace(hour=0)


async def test_what_was_noted_never_goes_back(store):
    """Of two notes the later time counts, in whichever order they come; retention may be ahead of both."""
    await note_gone(store, "otel_traces", TODAY)
    await note_gone(store, "otel_traces", TODAY - timedelta(days=5))
    assert await whole_from(store, "otel_traces", now=TODAY, kept=timedelta(days=30)) == TODAY
    later = TODAY + timedelta(days=60)
    assert await whole_from(store, "otel_traces", now=later, kept=timedelta(days=30)) > later - timedelta(days=30)


async def test_it_measures_the_disk_that_the_engine_is_on(store):
    """Free and total are the engine's own figures, of which parts that are about to go count as free."""
    space = await measure_space(store)
    ((free, total),) = await store.fetch(Query("SELECT min(free_space), min(total_space) FROM system.disks"))
    assert space.total == total
    assert abs(space.free - free) < total * 0.05


@pytest.mark.parametrize(
    ("size", "percent", "total", "expected"), [(10, 1, 2_000, 20), (50, 1, 2_000, 50), (0, 0, 2_000, 0), (9, 90, 5, 5)]
)
def test_of_bytes_and_percent_the_larger_counts(size, percent, total, expected):
    """What is asked for never exceeds the disk."""
    assert LeastFree(size, percent).of(total) == expected


async def test_the_process_guards_the_disk_and_keeps_traces_first(store, tmp_path):
    """A pass on a disk that is low: the failed request's trace is copied, then its day is dropped."""
    seed(store)
    await maintenance(store, tmp_path, now=TODAY + timedelta(hours=2), measure=until_dropped(store, 3)).run_pass()
    assert days(store) == {"otel_traces": 3, "otel_logs": 3, "otel_metrics_sum": 3}
    asked = "SELECT DISTINCT KeptFor FROM kept_traces FINAL WHERE toDate(Timestamp) = {day:Date}"
    assert store.rows(asked, {"day": DAYS[0].date()}) == [["failed"]]


async def test_a_late_row_changes_no_answer_about_a_dropped_day_even_before_it_is_reported(store):
    """While its mark waits, the day's minutes and quarters answer as before; nothing is read from the lone raw row."""
    seed(store)
    await compute(store)
    start, end = DAYS[0], DAYS[0] + timedelta(hours=1)

    async def answers():
        now = TODAY + timedelta(hours=3)
        asked = [("request_rate", "1m"), ("request_rate", "15m"), ("latency_p95", "15m"), ("error_ratio", "1h")]
        return [values(await ask_history(store, metric, start, end, step=step, now=now)) for metric, step in asked]

    wanted = await answers()
    await guard(store, 3)
    store.insert("otel_traces", [span(DAYS[0] + timedelta(minutes=3), status=500)])
    assert await answers() == wanted


async def test_quarters_answer_when_their_minutes_are_past_their_own_retention(store):
    """Where minutes are kept shorter, steps of whole quarters are answered from quarters as they were before."""
    seed(store)
    await compute(store)
    start, end = DAYS[0].replace(hour=0), DAYS[1].replace(hour=0)

    async def answers():
        now = TODAY + timedelta(hours=3)
        asked = [("request_rate", "15m"), ("latency_p95", "1h"), ("error_ratio", "6h")]
        return [values(await ask_history(store, metric, start, end, step=step, now=now)) for metric, step in asked]

    wanted = await answers()
    assert any(value for series in wanted for points in series.values() for value in points)
    for table in ("otel_traces", "rollup_requests_1m"):
        store.rows(f"ALTER TABLE {table} DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert await answers() == wanted
    # And a late row computes no quarter from minutes that are gone.
    before = store.rows("SELECT count(), sum(Requests) FROM rollup_requests_15m FINAL")
    store.insert("otel_traces", [span(DAYS[0])])
    await recompute(store, REQUESTS_1M, now=TODAY, settle=timedelta(0), kept=TODAY - DAYS[1], most_marks=10_000)
    assert store.rows("SELECT count(), sum(Requests) FROM rollup_requests_15m FINAL") == before
