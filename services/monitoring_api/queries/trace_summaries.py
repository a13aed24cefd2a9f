"""What a list shows of traces: figures over all spans of each, every span once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Query
from services.monitoring_api.queries.sources import ERRORS
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.timerange import NANOSECONDS
from services.monitoring_api.queries.trace_places import LATE, Search, TraceSort

_MINUTE_SECONDS: Final = 60
# Past these the minutes of a page's traces are read as one range, so that no statement grows without end.
_MOST_MINUTES: Final = 5_000

_SPAN: Final = (
    f"[SpanId, ServiceName, SpanName, SpanKind, HttpRoute, toString(HttpStatusCode), if({ERRORS}, 'error', 'ok'), "
    "toString(toUnixTimestamp64Nano(Timestamp)), toString(Duration)]"
)
_MATCHED: Final[Mapping[TraceSort, tuple[str, str]]] = {
    TraceSort.TIME: ("argMinIf", f"tuple({LATE}, Timestamp, SpanId)"),
    TraceSort.DURATION: ("argMaxIf", f"tuple(NOT ({LATE}), Duration, SpanId)"),
}


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """A span of a trace in a list; times in nanoseconds."""

    span_id: str
    service: str
    name: str
    kind: str
    route: str
    http_status: int
    failed: bool
    start_ns: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A trace in a list.

    Args:
        trace_id: Its id.
        start_ns: When its first span starts.
        duration_ns: From there to the end of the span that ends last.
        root: Its root, or its first span when no root is stored.
        root_missing: Whether no root is stored.
        matched: Of the spans that match, the one that gives the trace its place in the list.
        matching_spans: How many spans match.
        spans: How many spans it has, each once.
        errors: How many of them failed.
        services: Names of the services in it, a hundred at most.
    """

    trace_id: str
    start_ns: int
    duration_ns: int
    root: FoundSpan
    root_missing: bool
    matched: FoundSpan
    matching_spans: int
    spans: int
    errors: int
    services: Sequence[str]


def summaries_query(search: Search, bounds: Mapping[str, tuple[int, int]], *, as_of_ms: int) -> Query:
    """What a list shows of traces; every figure is the same however often a span is stored.

    Args:
        search: What was asked.
        bounds: For each trace, when its first and last span started, in epoch seconds.
        as_of_ms: As in `Cursor`.
    """
    matches = " AND ".join([*WITHIN, *search.selection.conditions()])
    pick, key = _MATCHED[search.sort]
    minutes = _minutes(bounds.values())
    first, last = min(first for first, _ in bounds.values()), max(last for _, last in bounds.values())
    chosen = "\n    AND Minute IN {minutes:Array(DateTime('UTC'))}" if minutes else ""
    sql = f"""SELECT
    TraceId,
    min(toUnixTimestamp64Nano(Timestamp)),
    max(toUnixTimestamp64Nano(Timestamp) + toInt128(Duration)),
    argMin({_SPAN}, tuple(ParentSpanId != '', Timestamp, SpanId)),
    min(ParentSpanId != ''),
    {pick}({_SPAN}, {key}, {matches}),
    uniqExactIf(SpanId, {matches}),
    uniqExact(SpanId),
    uniqExactIf(SpanId, {ERRORS}),
    arraySort(groupUniqArray(100)(toString(ServiceName)))
FROM otel_traces
WHERE TraceId IN {{trace_ids:Array(String)}}{chosen}
    AND Minute >= toDateTime({{first_minute:UInt32}}, 'UTC')
    AND Minute <= toDateTime({{last_minute:UInt32}}, 'UTC')
    AND Timestamp >= fromUnixTimestamp64Nano({{first_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{last_ns:Int64}}, 'UTC')
GROUP BY TraceId"""  # noqa: S608
    return Query(
        sql,
        {
            **search.selection.parameters(),
            **within(search.span),
            **({"minutes": minutes} if minutes else {}),
            "as_of_ms": as_of_ms,
            "trace_ids": list(bounds),
            "first_minute": first // _MINUTE_SECONDS * _MINUTE_SECONDS,
            "last_minute": last // _MINUTE_SECONDS * _MINUTE_SECONDS,
            # The engine (26.9) compares a DateTime64 column with a DateTime wrongly: `<` loses the last second.
            "first_ns": first * NANOSECONDS,
            "last_ns": (last + 1) * NANOSECONDS,
        },
    )


def _minutes(bounds: Collection[tuple[int, int]]) -> list[int]:
    """The minutes (epoch seconds) that traces lie in, in order; none at all when there are very many."""
    found: set[int] = set()
    for first, last in bounds:
        minutes = range(first // _MINUTE_SECONDS * _MINUTE_SECONDS, last + 1, _MINUTE_SECONDS)
        if len(found) + len(minutes) > _MOST_MINUTES:
            return []
        found.update(minutes)
    return sorted(found)


def found_trace(row: Sequence[Any]) -> FoundTrace:
    """Read a row of `summaries_query`."""
    trace_id, start, end, root, missing, matched, matching, spans, errors, services = row
    return FoundTrace(
        trace_id=str(trace_id),
        start_ns=int(start),
        duration_ns=int(end) - int(start),
        root=_span(root),
        root_missing=bool(missing),
        matched=_span(matched),
        matching_spans=int(matching),
        spans=int(spans),
        errors=int(errors),
        services=list(services),
    )


def _span(fields: Sequence[str]) -> FoundSpan:
    span_id, service, name, kind, route, code, status, start, duration = fields
    return FoundSpan(span_id, service, name, kind, route, int(code), status == "error", int(start), int(duration))
