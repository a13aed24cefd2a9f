"""`GET /spans/{span_id}`: the trace of a span whose id is all that is known."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.span_place import span_place
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.search_parameters import RangeParameters
from services.web.problems import NotFound

_LONGEST_SECONDS: Final = 7 * 86_400
_DESCRIPTION: Final = (
    "Spans are stored by service and time, so that looking for one by its id reads the ids of a whole range: the last "
    "hour unless `from` and `to` say otherwise, 7 days at most."
)


class SpanPlace(BaseModel):
    """The answer."""

    span_id: str
    trace_id: str = Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])


def spans_router(serving: Serving) -> APIRouter:
    """/spans/{span_id}."""
    router = APIRouter(prefix="/spans", tags=["traces"])

    @router.get("/{span_id}", summary="The trace of a span", description=_DESCRIPTION)
    async def span(
        span_id: Annotated[str, Path(pattern=r"^[0-9a-fA-F]{16}$")], parameters: Annotated[RangeParameters, Query()]
    ) -> SpanPlace:
        when = parameters.span(serving.clock())
        if when.seconds > _LONGEST_SECONDS:
            raise bad_field("from", "more than 7 days before the end")
        trace_id = await span_place(serving.asking(), span_id.lower(), when)
        if trace_id is None:
            raise NotFound(f"There is no span {span_id} in this range; one made just now may still be on its way.")
        return SpanPlace(span_id=span_id.lower(), trace_id=trace_id)

    return router
