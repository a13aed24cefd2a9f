"""What the monitoring API answers about traces, as frozen models."""

from datetime import datetime
from typing import Any

from pydantic import Field

from dashboard.answers import Answer, Labels


class FoundSpan(Answer):
    """A span in a list."""

    span_id: str
    service: str = ""
    name: str = ""
    status: str = ""
    start: datetime
    duration_ms: float = 0


class FoundTrace(Answer):
    """A trace in a list, by the span that met the conditions."""

    trace_id: str
    start: datetime
    duration_ms: float
    service: str = ""
    name: str = ""
    route: str | None = None
    status: str = ""
    status_code: int | None = None
    root_missing: bool = False
    span_count: int = 0
    error_count: int = 0
    services: tuple[str, ...] = ()
    matching_spans: int = 0
    matched: FoundSpan | None = None


class TraceList(Answer):
    """A page of traces."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    traces: tuple[FoundTrace, ...] = ()
    next_cursor: str | None = None


class DurationBucket(Answer):
    """Durations from (inclusive) and to (exclusive); without an end None."""

    start: float = Field(alias="from_ms")
    end: float | None = Field(default=None, alias="to_ms")


class HeatCell(Answer):
    """Spans of one column and one duration bucket."""

    time: int
    bucket: int
    count: int
    errors: int = 0


class HeatMap(Answer):
    """Spans by when they started and how long they took."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    step_seconds: float
    buckets: tuple[DurationBucket, ...] = ()
    count: int = 0
    errors: int = 0
    cells: tuple[HeatCell, ...] = ()


class SpanEvent(Answer):
    """Something that a span noted."""

    at: datetime
    name: str = ""
    attributes: Labels = Field(default_factory=dict)


class SpanLink(Answer):
    """Another span that a span points to."""

    trace_id: str
    span_id: str = ""
    attributes: Labels = Field(default_factory=dict)


class Span(Answer):
    """One span, whole."""

    span_id: str
    parent_span_id: str | None = None
    name: str = ""
    kind: str = ""
    service: str = ""
    start: datetime
    duration_ms: float
    self_time_ms: float = 0
    status: str = ""
    status_message: str = ""
    attributes: Labels = Field(default_factory=dict)
    resource: Labels = Field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether its status is Error, or it answered with a 5xx."""
        code = self.attributes.get("http.response.status_code", "") or self.attributes.get("http.status_code", "")
        return self.status.lower().endswith("error") or (len(code) == 3 and code.startswith("5"))  # noqa: PLR2004


class TraceLog(Answer):
    """A log record written in a trace."""

    timestamp: datetime
    service: str = ""
    severity: str = ""
    event: str | None = None
    body: Any = ""
    span_id: str | None = None
    attributes: Labels = Field(default_factory=dict)


class Trace(Answer):
    """One trace, whole."""

    trace_id: str
    start: datetime
    duration_ms: float
    services: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    logs: tuple[TraceLog, ...] = ()
    predictions: tuple[str, ...] = ()
    kept_for: str | None = None
    truncated: bool = False


class LinkedSpan(Answer):
    """A span of another trace that links to some of this one's."""

    trace_id: str
    span_id: str
    service: str = ""
    name: str = ""
    start: datetime
    to_spans: tuple[str, ...] = ()


class LinkedSpans(Answer):
    """Who links to a trace, by start."""

    spans: tuple[LinkedSpan, ...] = ()
    truncated: bool = False


class GroupedException(Answer):
    """Exceptions of one type that were raised in the same place."""

    type: str = ""
    message: str = ""
    stack: str = ""
    stack_truncated: bool = False
    count: int
    traces: int = 0
    first_seen: datetime
    last_seen: datetime
    services: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class Exceptions(Answer):
    """Exceptions by type and place."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    count: int = 0
    groups: int = 0
    exceptions: tuple[GroupedException, ...] = ()
