"""Spans of realistic shape, straight into the tables: the same rows into either schema, whatever its keys are.

Everything random is a hash of the trace's number, so that both arms hold the same rows; a hash of 128 bits
compresses as badly as a random id does.
"""

import sys
from typing import Final

from clickhouse_connect.driver.client import Client

from sightglass.attributes import HEARTBEAT_METRIC

SPANS_PER_TRACE: Final = 4
ROUTES: Final = 20
_AT_ONCE: Final = 250_000

_INSERT: Final = """
INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, ResourceAttributes,
    ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage)
WITH
    arrayJoin(range({spans:UInt8})) AS span,
    sipHash64(trace, 1) AS chance,
    sipHash64(trace, span, 2) AS own,
    chance % {routes:UInt8} AS route,
    multiIf(chance % 1000 < 8, 500, chance % 1000 < 30, 404, 200) AS status,
    (own % 1000000) / 1000000. AS u,
    concat('/v1/route-', toString(route)) AS path,
    toUInt64((1 + route / 4) * 1500000 * exp(5.5 * u * u * u) / (1 + span)) AS lasted,
    {start_ns:Int64} + (trace - {first:UInt64}) * {apart_ns:Int64} + span * 200000 AS at,
    leftPad(lower(hex(toUInt64(intDiv(at, 1000000)))), 12, '0') AS moment,
    lower(hex(sipHash128(trace, 7))) AS drawn,
    concat(substring(moment, 1, 8), '-', substring(moment, 9, 4), '-7', substring(drawn, 1, 3), '-8',
        substring(drawn, 4, 3), '-', substring(drawn, 7, 12)) AS prediction
SELECT
    fromUnixTimestamp64Nano(toInt64(at)),
    lower(hex(sipHash128(trace))),
    lower(hex(sipHash64(trace, span))),
    if(span = 0, '', lower(hex(sipHash64(trace, 0)))),
    '',
    ['POST', 'model.predict', 'GET features', 'connect'][span + 1],
    ['Server', 'Internal', 'Client', 'Client'][span + 1],
    'ml-api',
    map('service.name', 'ml-api', 'service.version', '1.4.2', 'os.type', 'linux',
        'service.instance.id', toString(reinterpretAsUUID(sipHash128(chance % 8))),
        'deployment.environment.name', 'production', 'host.name', concat('node-', toString(chance % 8)),
        'telemetry.sdk.language', 'python', 'telemetry.sdk.version', '1.45.0'),
    'sightglass',
    '0.1.0',
    map('http.request.method', 'POST', 'http.route', path, 'http.response.status_code', toString(status),
        'url.path', path, 'url.scheme', 'http', 'network.protocol.version', '1.1',
        'client.address', IPv4NumToString(toUInt32(chance)),
        'user_agent.original', concat('client/', toString(chance % 5)),
        'ml.model.name', 'flight-delay', 'ml.model.version', concat('v', toString(chance % 3)),
        'ml.prediction.id', prediction),
    lasted,
    if(status = 500, 'Error', 'Unset'),
    ''
FROM (SELECT number AS trace FROM numbers({first:UInt64}, {count:UInt64}))
"""

_SAMPLE: Final = 100_000
_ATTRIBUTES: Final = "SELECT avg(length(SpanAttributes)), avg(length(ResourceAttributes)) FROM otel_traces"
_ENTROPY: Final = f"""SELECT key, entropy(value)
FROM
(
    SELECT arrayJoin(arrayConcat(
        arrayMap((k, v) -> (k, v), mapKeys(SpanAttributes), mapValues(SpanAttributes)),
        arrayMap((k, v) -> (k, v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)),
        [('TraceId', TraceId), ('SpanId', SpanId), ('Duration', toString(Duration))]
    )) AS pair, pair.1 AS key, pair.2 AS value
    FROM (SELECT * FROM otel_traces LIMIT {_SAMPLE})
)
GROUP BY key"""


def fill(client: Client, *, spans: int, start_ns: int, length_ns: int, first: int = 0, quiet: bool = False) -> None:
    """Insert so many spans, evenly over a time.

    Args:
        client: One that may write.
        spans: How many.
        start_ns: When the first begins.
        length_ns: How long until the last begins.
        first: The number of the first trace: other numbers are other ids.
        quiet: Whether to show nothing of how far it is.
    """
    traces = spans // SPANS_PER_TRACE
    apart_ns = length_ns // traces
    for done in range(0, traces, _AT_ONCE):
        count = min(_AT_ONCE, traces - done)
        client.command(
            _INSERT,
            parameters={
                "spans": SPANS_PER_TRACE,
                "routes": ROUTES,
                # Divided here: the number of a trace times the whole length is more than 64 bits hold.
                "apart_ns": apart_ns,
                "start_ns": start_ns + done * apart_ns,
                "first": first + done,
                "count": count,
            },
        )
        if not quiet:
            print(f"\r{(done + count) * SPANS_PER_TRACE:,} of {spans:,} spans", end="", file=sys.stderr)
    if not quiet:
        print(file=sys.stderr)


def heartbeat(client: Client) -> None:
    """What a process of the pipeline exports every few seconds: the watermark is made of it."""
    client.command(
        "INSERT INTO otel_metrics_gauge (ServiceName, MetricName, ResourceAttributes, StartTimeUnix, TimeUnix, Value)"
        " SELECT 'ml-api', {metric:String}, map('service.instance.id', 'i1'), now64(9), now64(9), 1",
        parameters={"metric": HEARTBEAT_METRIC},
    )


def entropy(client: Client) -> str:
    """What the spans are made of: attributes, and how many bits a value of each says (Shannon, of a sample)."""
    ((of_span, of_resource),) = client.query(_ATTRIBUTES).result_rows
    bits = {str(name): float(each) for name, each in client.query(_ENTROPY).result_rows}
    most = ", ".join(f"{name} {each:.1f}" for name, each in sorted(bits.items(), key=lambda each: -each[1])[:5])
    return (
        f"{of_span:g} span and {of_resource:g} resource attributes a span; bits of entropy in its values, of a sample"
        f" of {_SAMPLE:,} spans: {sum(bits.values()):.1f}, of it {most}"
    )
