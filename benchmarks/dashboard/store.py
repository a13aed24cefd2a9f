"""A store full of requests and predictions, and in it one trace of very many spans."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Final

from benchmarks.history import generate, predictions
from benchmarks.history.arms import Arm, fill, length_ns, roll_up, start
from services.monitoring_api.queries.timerange import epoch_ns

LARGE_TRACE: Final = "5" * 31 + "e"
LARGE_SPANS: Final = 5_000
_CHILDREN: Final = 8

# A tree: each span but the first is the child of an earlier one, and lies within it.
_INSERT: Final = """
INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes,
    ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage)
SELECT
    fromUnixTimestamp64Nano({start_ns:Int64} + toInt64(number) * 100000),
    {trace:String},
    lower(hex(sipHash64(number, 11))),
    if(number = 0, '', lower(hex(sipHash64(intDiv(number - 1, {children:UInt8}), 11)))),
    '',
    concat('step-', toString(number % 40)),
    if(number = 0, 'Server', 'Internal'),
    concat('service-', toString(number % 6)),
    map('service.name', concat('service-', toString(number % 6))),
    'benchmark', '1',
    map('item', toString(number), 'http.route', '/v1/large'),
    toUInt64(({spans:UInt32} - number) * 200000),
    if(number % 900 = 899, 'Error', 'Unset'),
    ''
FROM numbers({spans:UInt32})
"""


def filled(running: contextlib.ExitStack, spans: int) -> Arm:
    """Start a ClickHouse with so many spans over the last 26 hours, their predictions, and all of it rolled up."""
    arm = start(running, "ours")
    now = datetime.now(UTC)
    fill(arm, spans, now)
    start_ns = epoch_ns(now) - length_ns()
    predictions.fill(arm.writer, start_ns=start_ns, length_ns=length_ns())
    arm.writer.command(
        _INSERT,
        parameters={
            "start_ns": epoch_ns(now) - 3_600 * 10**9,
            "trace": LARGE_TRACE,
            "spans": LARGE_SPANS,
            "children": _CHILDREN,
        },
    )
    asyncio.run(roll_up(arm))
    generate.heartbeat(arm.writer)
    return arm
