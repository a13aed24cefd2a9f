"""Self time in the engine, against the function that a trace's own page is made with."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring_api.queries.explain.selftimes import self_spans, self_times
from services.monitoring_api.queries.explain.slow import slow_requests
from services.monitoring_api.queries.explain.spans import around
from services.monitoring_api.queries.selftime import Interval
from services.monitoring_api.queries.selftime import self_times as own_times
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
HOUR = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(hours=1)))


def _tree(draw, trace):
    """Spans of a trace: nested, overlapping, outliving their parents, and with parents that are not stored."""
    rows = []
    for number in range(draw.randrange(1, 12)):
        parent = "" if number == 0 else draw.choice([*(row["SpanId"] for row in rows), "f" * 16])
        at = T0 + timedelta(milliseconds=draw.randrange(0, 50))
        row = span(at, seconds=draw.randrange(0, 60) / 1e3, TraceId=trace, ParentSpanId=parent)
        rows.append(row | {"SpanKind": "Server" if number == 0 else "Internal", "SpanName": f"op{number % 3}"})
    return rows


async def test_it_is_the_same_as_of_a_single_trace(store):
    """Of 300 traces of every shape, with spans delivered twice, each span's self time is the same to the nanosecond."""
    draw = random.Random(7)
    rows = [row for number in range(300) for row in _tree(draw, f"{number:032x}")]
    store.insert("otel_traces", [*rows, *draw.sample(rows, 200)])
    found = store.rows(
        f"SELECT TraceId, SpanId, Own FROM {self_spans('SELECT TraceId FROM otel_traces')}", around(HOUR)
    )
    traces: dict[str, list[Interval]] = {}
    for row in rows:
        began = epoch_ns(datetime.strptime(row["Timestamp"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC))
        interval = Interval(row["SpanId"], row["ParentSpanId"], began, began + row["Duration"])
        traces.setdefault(row["TraceId"], []).append(interval)
    expected = {
        (trace, span_id): own for trace, intervals in traces.items() for span_id, own in own_times(intervals).items()
    }
    assert {(trace, span_id): int(own) for trace, span_id, own in found} == expected
    assert len(found) == len(rows)


async def test_the_operation_that_takes_the_time_comes_first(store):
    """Slow requests wait 300 ms longer in one operation; its extra self time is that, and its parent's own is none."""
    rows = []
    draw = random.Random(3)
    for number in range(200):
        slow = number % 4 == 0
        waited = 0.35 + draw.random() / 100 if slow else 0.05 + draw.random() / 100
        at = T0 + timedelta(seconds=number)
        root = span(at, seconds=waited + 0.02, SpanName="POST /v1/predict")
        child = span(
            at + timedelta(milliseconds=10),
            seconds=waited,
            TraceId=root["TraceId"],
            ParentSpanId=root["SpanId"],
            SpanKind="Client",
            SpanName="SELECT features",
            ServiceName="store",
        )
        rows += [root, child]
    store.insert("otel_traces", rows)
    cases, requests = await slow_requests(store, SpanSelection(), HOUR, 200_000_000)
    assert (cases.selected, cases.rest) == (50, 150)
    first, *others = await self_times(store, requests, cases.selected, cases.rest)
    assert (first.service, first.operation) == ("store", "SELECT features")
    assert first.low < 300 < first.high or abs(first.extra_ms - 300) < 3
    assert (first.share_selected, first.share_rest) == (1.0, 1.0)
    assert set(first.examples) <= {row["TraceId"] for row in rows}
    assert others == []
