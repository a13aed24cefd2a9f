"""`GET /services/map`: who calls whom, how often, and how it goes."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.service_map import MOST_CALLS, MOST_SPANS, service_map
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.search_parameters import RangeParameters

_LONGEST_SECONDS: Final = 31 * 86_400
_DESCRIPTION: Final = (
    "A call into a service is its server span; its caller is the service of the parent span, empty where that sent "
    "none. Client spans that no server span answers are calls to a database, a queue or something else, named after "
    "`db.system.name`, `messaging.system`, `peer.service`, `server.address` or the host of `url.full`. Each span "
    f"counts once. Of a range with more than {MOST_SPANS:,} server and client spans every n-th trace is read and "
    f"stands for n (`sampled_one_in`). The most frequent {MOST_CALLS} are told; a range is 31 days at most."
)


class ServiceNode(BaseModel):
    """A service that sent spans."""

    name: str
    spans_per_second: float


class ServiceCall(BaseModel):
    """Calls from one to another."""

    caller: str = Field(description="A service; empty: somebody who sends no spans.")
    callee: str = Field(description="A service, or what else is called.", examples=["ml-api"])
    kind: str = Field(description="What is called: `service`, `database`, `queue` or `external`.")
    calls: int
    calls_per_second: float
    error_ratio: float
    p95_seconds: float = Field(description="95 of 100 took no longer.")


class ServiceMapAnswer(BaseModel):
    """The answer."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    services: list[ServiceNode] = Field(description="By name.")
    calls: list[ServiceCall] = Field(description="The most frequent first.")
    truncated: bool = Field(description="Whether there are more than are told.")
    sampled_one_in: int = Field(description="Every so many traces one was read; 1: all.")


def service_map_router(serving: Serving) -> APIRouter:
    """/services/map."""
    router = APIRouter(prefix="/services", tags=["traces"])

    @router.get("/map", summary="Who calls whom, how often, and how it goes", description=_DESCRIPTION)
    async def services_map(parameters: Annotated[RangeParameters, Query()]) -> ServiceMapAnswer:
        span = parameters.span(serving.clock())
        if span.seconds > _LONGEST_SECONDS:
            raise bad_field("from", "more than 31 days before the end")
        found = await service_map(serving.asking(), span)
        return ServiceMapAnswer(
            start=rfc3339(span.start_ns),
            end=rfc3339(span.end_ns),
            services=[
                ServiceNode(name=service.name, spans_per_second=service.spans / span.seconds)
                for service in found.services
            ],
            calls=[
                ServiceCall(
                    caller=call.caller,
                    callee=call.callee,
                    kind=call.kind,
                    calls=call.calls,
                    calls_per_second=call.calls / span.seconds,
                    error_ratio=call.errors / call.calls,
                    p95_seconds=call.p95_seconds,
                )
                for call in found.calls
            ],
            truncated=found.truncated,
            sampled_one_in=found.every,
        )

    return router
