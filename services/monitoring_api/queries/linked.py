"""Spans of other traces that link to a trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.stored_time import WITHIN, within
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from services.monitoring_api.queries.trace import when_query

MOST_LINKED: Final = 100
AROUND_SECONDS: Final = 86_400
"""How far before and after a trace others are looked for that link to it."""

# No index knows where links lead: this reads the links of every span of the range, which most spans have none of.
_LINKED: Final = """SELECT
    TraceId, SpanId, ServiceName, SpanName, toUnixTimestamp64Nano(Timestamp) AS At,
    arrayDistinct(arrayFilter((span, trace) -> trace = {{trace_id:String}}, `Links.SpanId`, `Links.TraceId`))
FROM otel_traces
PREWHERE has(`Links.TraceId`, {{trace_id:String}})
WHERE {conditions}
    AND TraceId != {{trace_id:String}}
ORDER BY At, SpanId
LIMIT 1 BY TraceId, SpanId
LIMIT {{most:UInt64}}"""


@dataclass(frozen=True, slots=True)
class LinkedSpan:
    """A span of another trace that links to a trace.

    Args:
        trace_id: The trace it is in.
        span_id: Its id.
        service: Whose it is.
        name: Its name.
        start_ns: When it began.
        to_spans: The spans that it links to.
    """

    trace_id: str
    span_id: str
    service: str
    name: str
    start_ns: int
    to_spans: Sequence[str]


@dataclass(frozen=True, slots=True)
class Linked:
    """Who links to a trace.

    Args:
        spans: By start.
        truncated: Whether there are more.
    """

    spans: Sequence[LinkedSpan]
    truncated: bool


def linked_query(trace_id: str, span: TimeRange) -> Query:
    """The spans of that range that link to a trace; one more than is told, if there is."""
    sql = _LINKED.format(conditions="\n    AND ".join(WITHIN))
    return Query(sql, {**within(span), "trace_id": trace_id, "most": MOST_LINKED + 1})


async def find_linked(database: Database, trace_id: str) -> Linked | None:
    """The spans of other traces that link to this one, within a day of it; None when nothing is stored of it."""
    when = await database.fetch(when_query(trace_id))
    if not when:
        return None
    first, last, _ = when[0]
    slack = AROUND_SECONDS * NANOSECONDS
    span = TimeRange(max(0, int(first) - slack), int(last) + slack)
    rows = await database.fetch(linked_query(trace_id, span))
    spans = [
        LinkedSpan(str(trace), str(own), str(service), str(name), int(at), [str(to) for to in to_spans])
        for trace, own, service, name, at, to_spans in rows
    ]
    return Linked(spans[:MOST_LINKED], truncated=len(spans) > MOST_LINKED)
