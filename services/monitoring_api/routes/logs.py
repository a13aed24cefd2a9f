"""`GET /logs` and `GET /logs/volume`: log records by text, severity, service and trace, and how many there are."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.monitoring_api.database import Database
from services.monitoring_api.queries.cursor import write_cursor
from services.monitoring_api.queries.heatmap import heatmap_step
from services.monitoring_api.queries.log_volume import log_volume
from services.monitoring_api.queries.logs import LONGEST_BODY, LONGEST_VALUE, LogRecord, search_logs
from services.monitoring_api.queries.severity import severity_name
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, rfc3339
from services.monitoring_api.queries.trace_places import trace_bounds
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.search_parameters import (
    LogParameters,
    LogSelectionParameters,
    LogVolumeParameters,
    place,
    question,
)

# Logs and spans of one trace come from several clocks, and what follows a span is logged after it.
_SLACK_SECONDS: Final = 3600

_DESCRIPTION: Final = (
    "Newest first, each record once. Events (`ml.prediction`, ...) are log records too. Bodies are cut after "
    f"{LONGEST_BODY:,} characters and values of attributes after {LONGEST_VALUE:,}; `truncated` names what was cut. A "
    "page ends with `next_cursor`, null after the last; pages repeat and skip nothing."
)


_VOLUME: Final = (
    "The same records as `/logs` finds, each once, counted by when they were written and how severe they are: "
    "`FATAL`, `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE` or `UNKNOWN`. A severity without records is left out."
)


class LogRow(BaseModel):
    """A log record."""

    id: str = Field(
        description="The record's own, its time in nanoseconds first: whoever asks again knows by it what is new."
    )
    timestamp: str = Field(examples=["2026-11-23T10:00:00.250Z"])
    service: str
    severity: str = Field(description="As it was sent; by its number where no text was.", examples=["WARN"])
    severity_number: int = Field(description="OpenTelemetry's, 1 to 24; 0: unknown.", examples=[13])
    event: str | None = Field(description="The event's name.")
    body: str
    body_bytes: int = Field(description="How long the whole body is.")
    trace_id: str | None
    span_id: str | None
    attributes: dict[str, str]
    resource: dict[str, str]
    truncated: list[str] = Field(description="What was cut: `body`, `attributes.<name>`, `resource.<name>`.")


class LogList(BaseModel):
    """The answer."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    logs: list[LogRow]
    next_cursor: str | None


class LogVolumeAnswer(BaseModel):
    """The answer."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    step_seconds: int
    times: list[int] = Field(description="When each bucket begins, in epoch seconds.")
    counts: dict[str, list[int]] = Field(description="By severity, the records of every bucket.")


def logs_router(serving: Serving) -> APIRouter:
    """/logs and /logs/volume."""
    router = APIRouter(prefix="/logs", tags=["logs"])

    @router.get("", summary="Log records by text, severity, service and trace", description=_DESCRIPTION)
    async def logs(parameters: Annotated[LogParameters, Query()]) -> LogList:
        selection = parameters.selection()
        after = place(parameters)
        database = serving.asking()
        span = await _span(database, parameters, serving.clock()) if after is None else after.span
        page = await search_logs(database, selection, span, limit=parameters.limit, after=after)
        return LogList(
            start=rfc3339(span.start_ns),
            end=rfc3339(span.end_ns),
            logs=[_log(record) for record in page.records],
            next_cursor=None if page.following is None else write_cursor(page.following, question(parameters)),
        )

    @router.get("/volume", summary="How many log records there are over time, by severity", description=_VOLUME)
    async def volume(parameters: Annotated[LogVolumeParameters, Query()]) -> LogVolumeAnswer:
        selection = parameters.selection()
        database = serving.asking()
        buckets = heatmap_step(parameters.step, await _span(database, parameters, serving.clock()))
        found = await log_volume(database, selection, buckets)
        return LogVolumeAnswer(
            start=rfc3339(buckets.span.start_ns),
            end=rfc3339(buckets.span.end_ns),
            step_seconds=buckets.step.seconds,
            times=[bucket.start for bucket in buckets.all()],
            counts=found.counts,
        )

    return router


async def _span(database: Database, parameters: LogSelectionParameters, now: datetime) -> TimeRange:
    """The range that is asked for, or of the trace that is."""
    span = parameters.span(now)
    if parameters.trace_id is None or not parameters.is_of_a_trace_whenever_it_was():
        return span
    trace_id = parameters.trace_id.lower()
    known = (await trace_bounds(database, [trace_id])).get(trace_id)
    if known is None:
        return span
    first, last = known
    return TimeRange(max(0, first - _SLACK_SECONDS) * NANOSECONDS, (last + 1 + _SLACK_SECONDS) * NANOSECONDS)


def _log(record: LogRecord) -> LogRow:
    number = int(record.severity_number)
    return LogRow(
        id=f"{record.at_ns}-{record.tie}",
        timestamp=rfc3339(record.at_ns),
        service=record.service,
        severity=record.severity or severity_name(number),
        severity_number=number,
        event=record.event or None,
        body=record.body,
        body_bytes=int(record.body_bytes),
        trace_id=record.trace_id or None,
        span_id=record.span_id or None,
        attributes=dict(record.attributes),
        resource=dict(record.resource),
        truncated=list(record.truncated),
    )
