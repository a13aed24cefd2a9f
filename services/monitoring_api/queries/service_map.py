"""Who calls whom: calls between services, and from services to databases and other things that send no spans.

A call into a service is its server span (or consumer span); who called it is the service of the span's parent. A call
to something that sends no spans is a client span (or producer span) that no server span has as its parent.

What it costs is bounded: where a range holds many server and client spans, every n-th trace stands for n.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.sources import ERRORS
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import TimeRange

MOST_SPANS: Final = 200_000
"""More server and client spans than these are not read: then traces are sampled."""
MOST_CALLS: Final = 200
_CALLED: Final = "SpanKind IN ('Server', 'Consumer')"
_CALLING: Final = "SpanKind IN ('Client', 'Producer')"
_SAMPLED: Final = "cityHash64(TraceId) % {every:UInt32} = 0"
# A caller's span begins before the callee's.
_EARLIER: Final = (
    "Minute >= toStartOfMinute(fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')) - INTERVAL 1 MINUTE",
    "Minute <= toStartOfMinute(fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))",
)
_SYSTEM: Final = (
    "coalesce(nullIf(SpanAttributes['db.system.name'], ''), nullIf(SpanAttributes['db.system'], ''), "
    "nullIf(SpanAttributes['messaging.system'], ''), '')"
)
_ADDRESS: Final = (
    "coalesce(nullIf(SpanAttributes['peer.service'], ''), nullIf(SpanAttributes['server.address'], ''), "
    "nullIf(SpanAttributes['net.peer.name'], ''), domain(SpanAttributes['url.full']))"
)
_KIND: Final = (
    "multiIf(SpanAttributes['db.system.name'] != '' OR SpanAttributes['db.system'] != '', 'database', "
    "SpanAttributes['messaging.system'] != '', 'queue', 'external')"
)


class Service(NamedTuple):
    """A service that sent spans in the range, and how many of them are server or client spans."""

    name: str
    spans: int
    edges: int


class Call(NamedTuple):
    """Calls from one to another; numbers are of all of them, also where only a sample was read.

    Args:
        caller: A service; empty for callers that send no spans.
        callee: A service, or what else is called, such as `clickhouse db.example.org`.
        kind: `service`, `database`, `queue` or `external`: what is called.
        calls: How many.
        errors: How many of them failed.
        p95_seconds: 95 of 100 took no longer, as the callee says; for what sends no spans, as the caller does.
    """

    caller: str
    callee: str
    kind: str
    calls: int
    errors: int
    p95_seconds: float


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """The services of a range and the calls between them.

    Args:
        services: By name.
        calls: The most frequent first.
        truncated: Whether there are more calls between others.
        every: Every so many traces one was read; 1: all.
    """

    services: Sequence[Service]
    calls: Sequence[Call]
    truncated: bool
    every: int


def services_query(span: TimeRange) -> Query:
    """Every service with its spans in the range, and how many of those are parts of calls; duplicates count."""
    conditions = "\n    AND ".join([*WITHIN, REAL])
    sql = f"""SELECT ServiceName, count(), countIf({_CALLED} OR {_CALLING})
FROM otel_traces
WHERE {conditions}
GROUP BY ServiceName
ORDER BY ServiceName"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, within(span))


def service_calls_query(span: TimeRange, *, every: int) -> Query:
    """Calls into services, by who called; those within one service are left out."""
    called = " AND ".join([*WITHIN, REAL, _CALLED, _SAMPLED])
    callers = " AND ".join([*_EARLIER, REAL, _SAMPLED])
    sql = f"""SELECT Caller.ServiceName AS From, Callee.ServiceName AS To, 'service' AS Kind, count() AS Calls,
    countIf(Callee.Failed), quantile(0.95)(Callee.Duration) / 1e9
FROM
(
    SELECT TraceId, ParentSpanId, ServiceName, Duration, ({ERRORS}) AS Failed
    FROM otel_traces FINAL
    WHERE {called}
) AS Callee
GLOBAL LEFT ANY JOIN
(
    SELECT TraceId, SpanId, ServiceName
    FROM otel_traces
    WHERE {callers}
        AND (TraceId, SpanId) GLOBAL IN (SELECT TraceId, ParentSpanId FROM otel_traces WHERE {called})
) AS Caller ON Callee.TraceId = Caller.TraceId AND Callee.ParentSpanId = Caller.SpanId
WHERE From != To
GROUP BY From, To
ORDER BY Calls DESC, From, To
LIMIT {{limit:UInt64}}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, {**within(span), "every": every, "limit": MOST_CALLS + 1})


def other_calls_query(span: TimeRange, *, every: int) -> Query:
    """Calls to what sends no spans; client spans that say nothing of what they call are left out."""
    calling = " AND ".join([*WITHIN, REAL, _CALLING, _SAMPLED])
    called = " AND ".join(
        [
            *(
                part.replace("{to_ns:Int64}, 'UTC'))", "{to_ns:Int64}, 'UTC')) + INTERVAL 1 MINUTE")
                for part in _EARLIER
            ),
            REAL,
            _CALLED,
            _SAMPLED,
        ]
    )
    sql = f"""SELECT ServiceName AS From, trimBoth(concat({_SYSTEM}, ' ', {_ADDRESS})) AS To, {_KIND} AS Kind,
    count() AS Calls, countIf({ERRORS}), quantile(0.95)(Duration) / 1e9
FROM otel_traces FINAL
WHERE {calling}
    AND To != ''
    AND (TraceId, SpanId) GLOBAL NOT IN (SELECT TraceId, ParentSpanId FROM otel_traces WHERE {called})
GROUP BY From, To, Kind
ORDER BY Calls DESC, From, To, Kind
LIMIT {{limit:UInt64}}"""  # noqa: S608  (texts of ours; what people give is bound)
    return Query(sql, {**within(span), "every": every, "limit": MOST_CALLS + 1})


async def service_map(database: Database, span: TimeRange) -> ServiceMap:
    """Which services there are in a range and who calls whom."""
    services = [Service(*row) for row in await database.fetch(services_query(span))]
    every = max(1, math.ceil(sum(service.edges for service in services) / MOST_SPANS))
    found: list[Call] = []
    for query in (service_calls_query(span, every=every), other_calls_query(span, every=every)):
        for caller, callee, kind, count, errors, p95 in await database.fetch(query):
            found.append(Call(caller, callee, kind, int(count) * every, int(errors) * every, float(p95)))
    found.sort(key=lambda call: (-call.calls, call.caller, call.callee))
    return ServiceMap(services, found[:MOST_CALLS], len(found) > MOST_CALLS, every)
