"""`GET /traces` and `GET /traces/heatmap`: which traces there are, and how long their spans took over time."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.monitoring_api.queries.cursor import write_cursor
from services.monitoring_api.queries.heatmap import HeatMap, heatmap, heatmap_step
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.queries.trace_places import Search
from services.monitoring_api.queries.trace_search import search_traces
from services.monitoring_api.queries.trace_summaries import FoundSpan, FoundTrace
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.search_parameters import (
    HeatMapParameters,
    TraceParameters,
    place,
    question,
)

_SEARCH: Final = (
    "A trace is found when one of its spans meets all conditions and starts within the range; the row also counts its "
    "other spans, as far as they start within a day of that. Newest first by the start of the span that matches (of "
    "several the first), or longest first. A page ends with `next_cursor`, null after the last; pages repeat and skip "
    "nothing, whatever arrives in the meantime."
)
_HEATMAP: Final = (
    "Spans that meet all conditions, each once, counted by when they started and how long they took. Duration buckets "
    "are five to a decade, from the shortest to the longest that holds spans; cells without spans are left out. "
    "`kind=server` counts requests alone."
)


class SpanRow(BaseModel):
    """A span in a list."""

    span_id: str
    service: str
    name: str
    kind: str
    route: str | None
    status: str = Field(description="`error` (status Error or HTTP 5xx) or `ok`.", examples=["ok"])
    status_code: int | None = Field(description="HTTP.", examples=[200])
    start: str = Field(examples=["2026-11-23T10:00:00.250Z"])
    duration_ms: float


class TraceRow(BaseModel):
    """A trace in a list."""

    trace_id: str = Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])
    start: str = Field(description="When its first span starts.", examples=["2026-11-23T10:00:00.250Z"])
    duration_ms: float = Field(description="From there to the end of the span that ends last.")
    service: str = Field(description="The root span's; of the first span, where no root is stored.")
    name: str
    route: str | None
    status: str = Field(description="The root span's: `error` or `ok`.", examples=["ok"])
    status_code: int | None = Field(description="The root span's, HTTP.")
    root_missing: bool = Field(description="No root span is stored (yet); the first span stands in for it.")
    span_count: int
    error_count: int = Field(description="How many of its spans failed.")
    services: list[str] = Field(description="A hundred at most.")
    matching_spans: int = Field(description="How many spans meet the conditions.")
    matched: SpanRow = Field(description="The one of them that gives the trace its place in the list.")


class TraceList(BaseModel):
    """The answer of a search."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    traces: list[TraceRow]
    next_cursor: str | None


class DurationBucket(BaseModel):
    """Durations from (inclusive) and to (exclusive)."""

    start: float = Field(serialization_alias="from_ms")
    end: float | None = Field(serialization_alias="to_ms", description="null: without end.")


class HeatMapCell(BaseModel):
    """Spans of one column and one duration bucket."""

    time: int = Field(description="When the column begins, in epoch seconds.", examples=[1795428000])
    bucket: int = Field(description="Index into `buckets`.")
    count: int
    errors: int


class HeatMapDocument(BaseModel):
    """The heat map."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    step_seconds: int
    times: list[int] = Field(description="When each column begins, in epoch seconds, also the empty ones.")
    buckets: list[DurationBucket]
    count: int = Field(description="Spans in all.")
    errors: int = Field(description="How many of them failed.")
    cells: list[HeatMapCell]


def traces_router(serving: Serving) -> APIRouter:
    """/traces and /traces/heatmap; to be included before /traces/{trace_id}, which would take the latter for an id."""
    router = APIRouter(prefix="/traces", tags=["traces"])

    @router.get("", summary="Traces by what their spans are", description=_SEARCH)
    async def traces(parameters: Annotated[TraceParameters, Query()]) -> TraceList:
        selection = parameters.selection()
        span = parameters.span(serving.clock())
        after = place(parameters)
        search = Search(selection, span if after is None else after.span, parameters.sort)
        page = await search_traces(serving.asking(), search, limit=parameters.limit, after=after)
        return TraceList(
            start=rfc3339(search.span.start_ns),
            end=rfc3339(search.span.end_ns),
            traces=[_trace(found) for found in page.traces],
            next_cursor=None if page.following is None else write_cursor(page.following, question(parameters)),
        )

    @router.get("/heatmap", summary="Durations of spans over time", description=_HEATMAP)
    async def heat_map(parameters: Annotated[HeatMapParameters, Query()]) -> HeatMapDocument:
        selection = parameters.selection()
        buckets = heatmap_step(parameters.step, parameters.span(serving.clock()))
        return _heatmap(await heatmap(serving.asking(), selection, buckets))

    return router


def _trace(found: FoundTrace) -> TraceRow:
    root = _span(found.root)
    return TraceRow(
        trace_id=found.trace_id,
        start=rfc3339(found.start_ns),
        duration_ms=found.duration_ns / 1e6,
        service=root.service,
        name=root.name,
        route=root.route,
        status=root.status,
        status_code=root.status_code,
        root_missing=found.root_missing,
        span_count=found.spans,
        error_count=found.errors,
        services=list(found.services),
        matching_spans=found.matching_spans,
        matched=_span(found.matched),
    )


def _span(found: FoundSpan) -> SpanRow:
    return SpanRow(
        span_id=found.span_id,
        service=found.service,
        name=found.name,
        kind=found.kind,
        route=found.route or None,
        status="error" if found.failed else "ok",
        status_code=found.http_status or None,
        start=rfc3339(found.start_ns),
        duration_ms=found.duration_ns / 1e6,
    )


def _heatmap(found: HeatMap) -> HeatMapDocument:
    span = found.buckets.span
    return HeatMapDocument(
        start=rfc3339(span.start_ns),
        end=rfc3339(span.end_ns),
        step_seconds=found.buckets.step.seconds,
        times=[bucket.start for bucket in found.buckets.all()],
        buckets=[
            DurationBucket(start=start / 1e6, end=None if end is None else end / 1e6)
            for start, end in found.durations_ns
        ],
        count=sum(cell.count for cell in found.cells),
        errors=sum(cell.errors for cell in found.cells),
        cells=[
            HeatMapCell(time=cell.start, bucket=cell.bucket, count=cell.count, errors=cell.errors)
            for cell in found.cells
        ],
    )
