"""`/markers`: what happened besides the figures, to be drawn across a chart."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.routes.parameters import FROM, TO

_LONGEST_NAME: Final = 200
_DESCRIPTION: Final = (
    "Versions of models and services that were seen for the first time within the range (and not in the day before "
    "it), promotions that the audit log tells of, and alerts that fired. Of each kind the newest 200 at most. Services "
    "are told by the signs of life of processes that the library instruments; what can't be read, such as an audit log "
    "on another machine, is named in `unknown`."
)


class MarkerParameters(BaseModel):
    """Parameters of /markers."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[str, FROM] = "now-24h"
    end: Annotated[str, TO] = "now"
    service: Annotated[str | None, Field(max_length=_LONGEST_NAME, description="Only what concerns this service.")] = (
        None
    )
    model: Annotated[str | None, Field(max_length=_LONGEST_NAME, description="Only what concerns this model.")] = None


class Marker(BaseModel):
    """One thing that happened."""

    kind: Literal["model_version", "service_version", "promotion", "alert"]
    at: datetime
    until: datetime | None = Field(description="When an alert ended; null where it still fires, and for all else.")
    name: str = Field(description="The model, service or rule.")
    version: str = Field(description="The version; empty for alerts.")
    labels: dict[str, str] = Field(description="The alert's labels; empty for all else.")
    fingerprint: str = Field(description="The alert; empty for all else.")


class Markers(BaseModel):
    """The answer."""

    markers: list[Marker] = Field(description="The oldest first.")
    truncated: bool = Field(description="Whether there is more than is told.")
    unknown: list[Literal["promotion", "alert"]] = Field(description="Kinds that nothing could be read of.")


class MarkerDesk(Protocol):
    """Where it is known what happened."""

    async def markers(self, wanted: MarkerParameters) -> Markers:
        """Everything of a range."""
        ...


def markers_router(desk: MarkerDesk) -> APIRouter:
    """/markers."""
    router = APIRouter(tags=["metrics"])

    @router.get("/markers", summary="New versions, promotions and alerts of a range", description=_DESCRIPTION)
    async def markers(parameters: Annotated[MarkerParameters, Query()]) -> Markers:
        return await desk.markers(parameters)

    return router
