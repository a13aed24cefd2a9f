"""One trace: its spans, the logs written within it and the predictions made in it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.selftime import Interval, self_times
from services.monitoring_api.queries.timerange import NANOSECONDS, rfc3339
from sightglass.attributes import PREDICTION_EVENT, PREDICTION_ID

_MOST_SPANS: Final = 10_000
_MOST_LOGS: Final = 1_000
# Logs and spans of one trace come from several clocks.
_CLOCK_SECONDS: Final = 60

_WHEN: Final = """SELECT toUnixTimestamp(min(Start)) * 1000000000, toUnixTimestamp(max(End)) * 1000000000
FROM otel_traces_trace_id_ts
WHERE TraceId = {trace_id:String}
HAVING count() > 0"""

_SPANS: Final = """SELECT
    SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, toUnixTimestamp64Nano(Timestamp), Duration, StatusCode,
    StatusMessage, SpanAttributes, ResourceAttributes,
    arrayMap(at -> toUnixTimestamp64Nano(at), `Events.Timestamp`), `Events.Name`, `Events.Attributes`,
    `Links.TraceId`, `Links.SpanId`, `Links.Attributes`
FROM otel_traces
WHERE TraceId = {trace_id:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC'))
    AND Minute <= toStartOfMinute(fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC'))
ORDER BY Timestamp, SpanId
LIMIT 1 BY SpanId
LIMIT {most:UInt64}"""

_LOGS: Final = """SELECT DISTINCT
    toUnixTimestamp64Nano(Timestamp) AS At, ServiceName, SeverityText, EventName, Body, SpanId, LogAttributes
FROM otel_logs
WHERE TraceId = {trace_id:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
ORDER BY At, SpanId
LIMIT {most:UInt64}"""


class SpanRow(NamedTuple):
    """A span as it is stored; times and durations in nanoseconds."""

    span_id: str
    parent_span_id: str
    name: str
    kind: str
    service: str
    start_ns: int
    duration_ns: int
    status: str
    status_message: str
    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    event_times: Sequence[int]
    event_names: Sequence[str]
    event_attributes: Sequence[Mapping[str, str]]
    link_traces: Sequence[str]
    link_spans: Sequence[str]
    link_attributes: Sequence[Mapping[str, str]]


class LogRow(NamedTuple):
    """A log record as it is stored."""

    at_ns: int
    service: str
    severity: str
    event: str
    body: str
    span_id: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that is stored of one trace.

    Args:
        trace_id: Its id.
        spans: Each once, by start.
        logs: Each once, by time.
    """

    trace_id: str
    spans: Sequence[SpanRow]
    logs: Sequence[LogRow]


def when_query(trace_id: str) -> Query:
    """When the trace's first and last spans started; no row when there is no such trace."""
    return Query(_WHEN, {"trace_id": trace_id})


def spans_query(trace_id: str, start_ns: int, end_ns: int) -> Query:
    """The trace's spans that started from ``start_ns`` to ``end_ns``, each once."""
    return Query(_SPANS, {"trace_id": trace_id, "start_ns": start_ns, "end_ns": end_ns, "most": _MOST_SPANS})


def logs_query(trace_id: str, start_ns: int, end_ns: int) -> Query:
    """The trace's log records of that time, each once."""
    return Query(_LOGS, {"trace_id": trace_id, "start_ns": start_ns, "end_ns": end_ns, "most": _MOST_LOGS})


async def find_trace(database: Database, trace_id: str) -> Trace | None:
    """Everything stored of a trace; None when nothing is."""
    when = await database.fetch(when_query(trace_id))
    if not when:
        return None
    start_ns, end_ns = (int(at) for at in when[0])
    slack = _CLOCK_SECONDS * NANOSECONDS
    spans = [
        SpanRow(*row) for row in await database.fetch(spans_query(trace_id, max(0, start_ns - slack), end_ns + slack))
    ]
    if not spans:
        return None
    ends_ns = max(span.start_ns + span.duration_ns for span in spans)
    logs = await database.fetch(logs_query(trace_id, max(0, start_ns - slack), ends_ns + slack))
    return Trace(trace_id, spans, [LogRow(*row) for row in logs])


def trace_document(trace: Trace) -> dict[str, Any]:
    """A trace as an answer."""
    start_ns = min(span.start_ns for span in trace.spans)
    end_ns = max(span.start_ns + span.duration_ns for span in trace.spans)
    own = self_times(
        Interval(span.span_id, span.parent_span_id, span.start_ns, span.start_ns + span.duration_ns)
        for span in trace.spans
    )
    return {
        "trace_id": trace.trace_id,
        "start": rfc3339(start_ns),
        "duration_ms": (end_ns - start_ns) / 1e6,
        "services": sorted({span.service for span in trace.spans}),
        "spans": [_span_document(span, own[span.span_id]) for span in trace.spans],
        "logs": [_log_document(log) for log in trace.logs],
        "predictions": _predictions(trace.logs),
        "truncated": len(trace.spans) >= _MOST_SPANS or len(trace.logs) >= _MOST_LOGS,
    }


def _span_document(span: SpanRow, self_time_ns: int) -> dict[str, Any]:
    events = zip(span.event_times, span.event_names, span.event_attributes, strict=True)
    links = zip(span.link_traces, span.link_spans, span.link_attributes, strict=True)
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id or None,
        "name": span.name,
        "kind": span.kind,
        "service": span.service,
        "start": rfc3339(span.start_ns),
        "duration_ms": span.duration_ns / 1e6,
        "self_time_ms": self_time_ns / 1e6,
        "status": span.status,
        "status_message": span.status_message,
        "attributes": dict(span.attributes),
        "resource": dict(span.resource),
        "events": [{"at": rfc3339(at), "name": name, "attributes": dict(known)} for at, name, known in events],
        "links": [{"trace_id": trace, "span_id": to, "attributes": dict(known)} for trace, to, known in links],
    }


def _log_document(log: LogRow) -> dict[str, Any]:
    return {
        "timestamp": rfc3339(log.at_ns),
        "service": log.service,
        "severity": log.severity,
        "event": log.event or None,
        "body": _body(log),
        "span_id": log.span_id or None,
        "attributes": dict(log.attributes),
    }


def _body(log: LogRow) -> Any:
    if log.event == PREDICTION_EVENT:
        try:
            return json.loads(log.body)
        except ValueError:
            return log.body
    return log.body


def _predictions(logs: Iterable[LogRow]) -> list[str]:
    made = (log.attributes.get(PREDICTION_ID, "") for log in logs if log.event == PREDICTION_EVENT)
    return list(dict.fromkeys(prediction for prediction in made if prediction))
