"""`GET /traces/exceptions`: which exceptions were raised, where and how often."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.monitoring_api.queries.exceptions import GroupedException, find_exceptions
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.search_parameters import RangeParameters

MOST_GROUPS: Final = 200
_EXCEPTIONS: Final = (
    "Exceptions that spans hold as events and log records as attributes, grouped by type and by where they were raised "
    "(the frames of the stack, without line numbers and values), the most frequent first. A log record does not count "
    "when its span holds an exception of its type. An exception that passes through several spans is recorded, and "
    "counts, in each."
)


class ExceptionParameters(RangeParameters):
    """Parameters of /traces/exceptions."""

    service: Annotated[str | None, Field(description="The service's name.", examples=["ml-api"])] = None
    limit: Annotated[int, Field(ge=1, le=MOST_GROUPS, description="Most groups.")] = 50


class ExceptionRow(BaseModel):
    """Exceptions of one type that were raised in the same place."""

    type: str = Field(description="Its class; empty where none was recorded.", examples=["ValueError"])
    message: str = Field(description="The last one's.")
    stack: str = Field(description="The last one's.")
    stack_truncated: bool
    count: int = Field(description="How often it was recorded.")
    traces: int = Field(description="In how many traces.")
    first_seen: str = Field(description="Of the range.", examples=["2026-11-23T10:00:00.250Z"])
    last_seen: str
    services: list[str] = Field(description="Twenty at most.")
    operations: list[str] = Field(description="Names of the spans, twenty at most.")
    examples: list[str] = Field(description="Traces, the newest first.")


class ExceptionList(BaseModel):
    """The exceptions of a range."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    count: int = Field(description="Of all groups.")
    groups: int = Field(description="How many there are, also those that are not listed.")
    exceptions: list[ExceptionRow]


def exceptions_router(serving: Serving) -> APIRouter:
    """/traces/exceptions; to be included before /traces/{trace_id}, which would take it for an id."""
    router = APIRouter(prefix="/traces", tags=["traces"])

    @router.get("/exceptions", summary="Exceptions by type and place", description=_EXCEPTIONS)
    async def exceptions(parameters: Annotated[ExceptionParameters, Query()]) -> ExceptionList:
        span = parameters.span(serving.clock())
        found = await find_exceptions(serving.asking(), span, parameters.service, limit=parameters.limit)
        return ExceptionList(
            start=rfc3339(span.start_ns),
            end=rfc3339(span.end_ns),
            count=found.count,
            groups=found.group_count,
            exceptions=[_row(group) for group in found.groups],
        )

    return router


def _row(group: GroupedException) -> ExceptionRow:
    return ExceptionRow(
        type=group.type,
        message=group.message,
        stack=group.stack,
        stack_truncated=group.stack_length > len(group.stack.encode()),
        count=group.count,
        traces=group.traces,
        first_seen=rfc3339(group.first_ns),
        last_seen=rfc3339(group.last_ns),
        services=list(group.services),
        operations=list(group.operations),
        examples=list(group.examples),
    )
