"""One trace: its spans, the logs written within it and the predictions made in it."""

import asyncio
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

# Of raw spans, and of a copy that outlives them: why it is kept, of the copies the one that is kept longest.
_WHEN: Final = """SELECT
    toUnixTimestamp(min(First)) * 1000000000, toUnixTimestamp(max(Last)) * 1000000000, argMax(Kept, Until)
FROM
(
    SELECT Start AS First, End AS Last, '' AS Kept, toDateTime(0, 'UTC') AS Until
    FROM otel_traces_trace_id_ts
    WHERE TraceId = {trace_id:String}
    UNION ALL
    SELECT toDateTime(Timestamp) AS First, toDateTime(Timestamp) AS Last, KeptFor AS Kept, KeepUntil AS Until
    FROM kept_traces
    WHERE TraceId = {trace_id:String}
        AND KeepUntil > now()
)
HAVING count() > 0"""

_SPAN_COLUMNS: Final = """SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, toUnixTimestamp64Nano(Timestamp) AS At,
    Duration, StatusCode, StatusMessage, SpanAttributes, ResourceAttributes,
    arrayMap(at -> toUnixTimestamp64Nano(at), `Events.Timestamp`), `Events.Name`, `Events.Attributes`,
    `Links.TraceId`, `Links.SpanId`, `Links.Attributes`"""
_WITHIN: Final = """TraceId = {trace_id:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"""
_RAW_SPANS: Final = f"""SELECT
    {_SPAN_COLUMNS}
FROM otel_traces
WHERE {_WITHIN}
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC'))
    AND Minute <= toStartOfMinute(fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC'))
"""  # noqa: S608  (constants of ours)
_KEPT_SPANS: Final = f"""SELECT
    {_SPAN_COLUMNS}
FROM kept_traces
WHERE {_WITHIN}
"""  # noqa: S608  (constants of ours)
_ONCE: Final = """ORDER BY At, SpanId
LIMIT 1 BY SpanId
LIMIT {most:UInt64}"""
_RAW_AND_KEPT: Final = f"""SELECT *
FROM
(
{_RAW_SPANS}UNION ALL
{_KEPT_SPANS})
"""  # noqa: S608  (constants of ours)

# The events that say so may be gone with the logs.
_PREDICTIONS: Final = """SELECT DISTINCT PredictionId
FROM predictions
WHERE TraceId = {trace_id:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
ORDER BY Timestamp, PredictionId
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
        logs: Each once, by time; none of a trace whose log records are past their retention.
        kept_for: Why a copy outlives the raw spans, if one does: `failed`, `slow`, `unlabelled` or `wrong`.
        kept_predictions: Ids of the predictions made in it, if a copy does.
    """

    trace_id: str
    spans: Sequence[SpanRow]
    logs: Sequence[LogRow]
    kept_for: str | None = None
    kept_predictions: Sequence[str] = ()


def when_query(trace_id: str) -> Query:
    """When the trace's first and last spans started and why it is kept; no row when there is no such trace."""
    return Query(_WHEN, {"trace_id": trace_id})


def spans_query(trace_id: str, start_ns: int, end_ns: int, *, kept: bool = False) -> Query:
    """The trace's spans that started from ``start_ns`` to ``end_ns``, each once; of its kept copy too, if it has one.

    Near the end of their life raw spans may be half gone, so a copy is read besides them.
    """
    sql = (_RAW_AND_KEPT if kept else _RAW_SPANS) + _ONCE
    return Query(sql, {"trace_id": trace_id, "start_ns": start_ns, "end_ns": end_ns, "most": _MOST_SPANS})


def predictions_query(trace_id: str, start_ns: int, end_ns: int) -> Query:
    """Ids of the predictions made in the trace from ``start_ns`` to ``end_ns``."""
    return Query(_PREDICTIONS, {"trace_id": trace_id, "start_ns": start_ns, "end_ns": end_ns, "most": _MOST_LOGS})


def logs_query(trace_id: str, start_ns: int, end_ns: int) -> Query:
    """The trace's log records of that time, each once."""
    return Query(_LOGS, {"trace_id": trace_id, "start_ns": start_ns, "end_ns": end_ns, "most": _MOST_LOGS})


async def find_trace(database: Database, trace_id: str) -> Trace | None:
    """Everything stored of a trace; None when nothing is."""
    when = await database.fetch(when_query(trace_id))
    if not when:
        return None
    first, last, kept_for = when[0]
    slack = _CLOCK_SECONDS * NANOSECONDS
    start_ns, until_ns = max(0, int(first) - slack), int(last) + slack
    found, written = await asyncio.gather(
        database.fetch(spans_query(trace_id, start_ns, until_ns, kept=bool(kept_for))),
        database.fetch(logs_query(trace_id, start_ns, until_ns + slack)),
    )
    spans = [SpanRow(*row) for row in found]
    if not spans:
        return None
    end_ns = max(span.start_ns + span.duration_ns for span in spans) + slack
    if end_ns > until_ns + slack:
        # A span that long has logs of its own after all the others have begun.
        written = await database.fetch(logs_query(trace_id, start_ns, end_ns))
    logs = [LogRow(*row) for row in written]
    if not kept_for:
        return Trace(trace_id, spans, logs)
    made = await database.fetch(predictions_query(trace_id, start_ns, end_ns))
    return Trace(trace_id, spans, logs, str(kept_for), [str(prediction) for (prediction,) in made])


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
        "predictions": list(dict.fromkeys([*_predictions(trace.logs), *trace.kept_predictions])),
        "kept_for": trace.kept_for,
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
