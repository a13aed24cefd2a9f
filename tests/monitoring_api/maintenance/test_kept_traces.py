"""Traces that outlive their raw spans."""

from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring_api.maintenance.judged_traces import Judged, follow_labels
from services.monitoring_api.maintenance.keep_traces import keep_traces
from services.monitoring_api.maintenance.kept_traces import KeepingRules
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.pipeline.raw_days import raw_days, raw_days_query
from services.monitoring_api.queries.trace import find_trace
from tests.monitoring_api.store import label, prediction, span

pytestmark = pytest.mark.anyio
# Kept times are held against ClickHouse's clock, so what is old here really is.
NOW = datetime.now(UTC).replace(minute=20, second=0, microsecond=0)
RULES = KeepingRules(raw_kept=timedelta(days=30), kept=timedelta(days=400), label_horizon=timedelta(days=60))
# Nearly at the end of its raw life.
OLD = NOW - timedelta(days=29)


async def keep(store, rules=RULES, *, now=NOW, most=1_000):
    """One walk."""
    return await keep_traces(store, rules, now=now, most=most)


def expire(store):
    """Take every raw span, as retention does."""
    for table in ("otel_traces", "otel_traces_trace_id_ts"):
        for each in raw_days(store.rows(raw_days_query().sql, raw_days_query().parameters)):
            if each.table == "otel_traces":
                store._connection.query(f"ALTER TABLE otel.{table} DROP PARTITION ID '{each.partition}'")
    assert store.rows("SELECT count() FROM otel_traces") == [[0]]


def trace(number, at=OLD, **more):
    """A request of two spans."""
    trace_id = f"{number:032x}"
    root = span(at, TraceId=trace_id, SpanId=f"{number:015x}1", **more)
    inner = span(at, TraceId=trace_id, SpanId=f"{number:015x}2", ParentSpanId=f"{number:015x}1", SpanKind="Internal")
    return [root, inner]


def kept(store):
    """What is kept: trace id as a number, why, and how many spans."""
    rows = store.rows("SELECT TraceId, KeptFor, count() FROM kept_traces FINAL GROUP BY TraceId, KeptFor ORDER BY 1")
    return [(int(trace_id, 16), reason, int(spans)) for trace_id, reason, spans in rows]


async def opens(store, number):
    """Why the trace can still be opened, with how many spans; None if it is gone."""
    found = await find_trace(store, f"{number:032x}")
    return None if found is None else (found.kept_for, len(found.spans))


async def test_nothing_old_is_nothing_to_do(store):
    """Without spans, and with young ones only, nothing is written and nothing is remembered of traces."""
    assert await keep(store) == 0
    store.insert("otel_traces", trace(1, NOW - timedelta(days=2)))
    store.asked.clear()
    assert await keep(store) == 0
    assert not [query for query in store.asked if query.sql.startswith("INSERT")]
    assert await follow_labels(store, RULES, most=10) == Judged()


async def test_failed_and_slow_ones_outlive_and_an_ordinary_one_is_gone(store):
    """A 500, a span that failed and one above its route's 99th percentile are whole afterwards; the others are not."""
    store.insert("otel_traces", [each for number in range(10, 210) for each in trace(number)])
    store.insert("otel_traces", trace(1, status=500) + trace(2, StatusCode="Error") + trace(3, seconds=0.9))
    store.insert("otel_traces", trace(4, seconds=2.0, route="/rare") + trace(5, status=404))
    for tier in (REQUESTS_1M, REQUESTS_15M):
        await recompute(store, tier, now=NOW, settle=timedelta(0), kept=timedelta(days=30), most_marks=10_000)
    assert await keep(store) == 3
    assert kept(store) == [(1, "failed", 2), (2, "failed", 2), (3, "slow", 2)]
    expire(store)
    assert [await opens(store, number) for number in (1, 2, 3, 4, 5, 10)] == [
        ("failed", 2),
        ("failed", 2),
        ("slow", 2),
        None,
        None,
        None,
    ]


async def test_a_setting_says_what_is_slow_on_any_route(store):
    """A route with too few requests for a percentile has its slow ones kept by the setting."""
    store.insert("otel_traces", trace(1, seconds=2.0, route="/rare") + trace(2, seconds=1.9, route="/rare"))
    rules = KeepingRules(RULES.raw_kept, RULES.kept, RULES.label_horizon, slow=timedelta(seconds=2))
    assert await keep(store, rules) == 1
    assert kept(store) == [(1, "slow", 2)]


async def test_a_prediction_that_turns_out_wrong_later_has_its_trace(store):
    """Unlabelled when raw spans go, labelled wrong later: its trace is there; labelled right, it goes too."""
    for number in (1, 2, 3, 4):
        store.insert("otel_traces", trace(number))
        event = prediction(OLD, prediction_id=f"p{number}", score=0.9, TraceId=f"{number:032x}")
        store.insert("otel_logs", [event])
    # Known before: one is wrong, and so is not waited for.
    store.insert("otel_logs", [label(OLD + timedelta(days=1), "p4", "on_time")])
    await keep(store)
    assert kept(store) == [(1, "unlabelled", 2), (2, "unlabelled", 2), (3, "unlabelled", 2), (4, "wrong", 2)]
    expire(store)
    store.insert("otel_logs", [label(NOW, "p1", "on_time"), label(NOW, "p2", "late")])
    assert await follow_labels(store, RULES, most=100) == Judged(3, wrong=2, right=1)
    assert [await opens(store, number) for number in (1, 2, 3, 4)] == [
        ("wrong", 2),
        None,
        ("unlabelled", 2),
        ("wrong", 2),
    ]
    assert await follow_labels(store, RULES, most=100) == Judged()


async def test_whoever_copies_again_changes_nothing(store):
    """Walks that were killed at any statement, in pages of one trace, end with the same traces as one that was not."""
    rows = [each for number in range(1, 6) for each in trace(number, OLD + timedelta(minutes=number), status=500)]
    store.insert("otel_traces", rows)
    store.insert("otel_traces", rows)
    execute, left = store.execute, 0

    async def dies(query, **more):
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionError
        await execute(query, **more)

    store.execute = dies
    try:
        for allowed in range(1, 8):
            left = allowed
            with pytest.raises(ConnectionError):
                await keep(store, most=1)
    finally:
        del store.execute
    await keep(store, most=1)
    assert kept(store) == [(number, "failed", 2) for number in range(1, 6)]


async def test_a_trace_over_midnight_is_whole(store):
    """Spans of the day before and after the one that chose the trace are copied with it."""
    midnight = OLD.replace(hour=0, minute=0)
    root, inner = trace(1, midnight + timedelta(seconds=1), status=500)
    early = span(midnight - timedelta(seconds=2), TraceId=root["TraceId"], SpanId="f" * 16, SpanKind="Client")
    store.insert("otel_traces", [root, inner, early])
    await keep(store)
    assert kept(store) == [(1, "failed", 3)]


async def test_a_trace_of_many_predictions_waits_for_all_of_them(store):
    """One wrong prediction keeps a batch's trace; it goes only when all of them turned out right."""
    for number in (1, 2):
        store.insert("otel_traces", trace(number))
        events = [prediction(OLD, prediction_id=f"p{number}-{each}", TraceId=f"{number:032x}") for each in "ab"]
        store.insert("otel_logs", events)
    # A shadow decides nothing: that it would have been wrong keeps no trace.
    shadow = prediction(OLD, prediction_id="p1-a", score=0.1, variant="shadow", version="v2", TraceId=f"{1:032x}")
    store.insert("otel_logs", [shadow])
    await keep(store)
    expire(store)
    store.insert("otel_logs", [label(NOW, "p1-a", "late"), label(NOW, "p2-a", "on_time")])
    assert await follow_labels(store, RULES, most=100) == Judged(2, wrong=1, right=0)
    assert kept(store) == [(1, "unlabelled", 2), (2, "wrong", 2)]
    store.insert("otel_logs", [label(NOW, "p1-b", "late")])
    await follow_labels(store, RULES, most=100)
    assert kept(store) == [(2, "wrong", 2)]


async def test_past_the_label_horizon_no_trace_waits(store):
    """What is older than the horizon is not copied for a label's sake; a copy's own time to go is its prediction's."""
    store.insert("otel_traces", trace(1))
    store.insert("otel_logs", [prediction(OLD, prediction_id="p1", TraceId=f"{1:032x}")])
    short = KeepingRules(RULES.raw_kept, RULES.kept, label_horizon=timedelta(days=28))
    await keep(store, short)
    assert kept(store) == []
    await keep_traces(store, RULES, now=NOW, before=NOW - timedelta(days=28), most=10)
    store._connection.query("TRUNCATE TABLE otel.maintenance_state")
    await keep(store)
    assert kept(store) == [(1, "unlabelled", 2)]
    ((until,),) = store.rows("SELECT DISTINCT toUnixTimestamp(KeepUntil) FROM kept_traces FINAL")
    assert 0 <= int(until) - (OLD + timedelta(days=60)).timestamp() <= 3_600
