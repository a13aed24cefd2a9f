"""`GET /traces/{trace_id}/linked`: spans of other traces that link to a trace."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from services.monitoring_api.queries.linked import find_linked
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.web.problems import NotFound

_DESCRIPTION: Final = (
    "Of the spans that are stored within a day before and after the trace, by start, the first hundred. The trace "
    "itself tells where its own spans link to; no index tells who links to it, so this reads the links of that range "
    "and is asked for by itself. Copies of traces that outlive their spans are not searched."
)


class LinkedSpan(BaseModel):
    """A span of another trace."""

    trace_id: str = Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])
    span_id: str
    service: str
    name: str
    start: str = Field(examples=["2026-11-23T10:00:00.250Z"])
    to_spans: list[str] = Field(description="The spans of this trace that it links to.")


class LinkedSpans(BaseModel):
    """The answer."""

    trace_id: str
    spans: list[LinkedSpan]
    truncated: bool = Field(description="Whether there are more.")


def linked_router(serving: Serving) -> APIRouter:
    """/traces/{trace_id}/linked."""
    router = APIRouter(prefix="/traces", tags=["traces"])

    @router.get("/{trace_id}/linked", summary="Spans of other traces that link to it", description=_DESCRIPTION)
    async def linked(trace_id: Annotated[str, Path(pattern=r"^[0-9a-fA-F]{32}$")]) -> LinkedSpans:
        found = await find_linked(serving.asking(), trace_id.lower())
        if found is None:
            raise NotFound(f"There is no trace {trace_id}; one made just now may still be on its way.")
        spans = [
            LinkedSpan(
                trace_id=span.trace_id,
                span_id=span.span_id,
                service=span.service,
                name=span.name,
                start=rfc3339(span.start_ns),
                to_spans=list(span.to_spans),
            )
            for span in found.spans
        ]
        return LinkedSpans(trace_id=trace_id.lower(), spans=spans, truncated=found.truncated)

    return router
