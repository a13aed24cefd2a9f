"""`/alerts/timeline`: when each alert was pending or firing, over a range."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.routes.parameters import FROM, TO

MOST_ALERTS: Final = 200
MOST_EVENTS: Final = 5_000
_DESCRIPTION: Final = (
    "Every stretch of time that an alert spent pending or firing and that touches the range, also one that began "
    f"before it. At most {MOST_ALERTS} alerts, those whose last stretch is the newest (`truncated` says whether there "
    f"are more), from the newest {MOST_EVENTS:,} changes of the range: `known_from` says since when all is told. "
    "Of an alert that is no longer kept, `labels` is empty."
)


class TimelineParameters(BaseModel):
    """Which range."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[str, FROM] = "now-24h"
    end: Annotated[str, TO] = "now"


class Stretch(BaseModel):
    """A stretch of time in one state."""

    model_config = ConfigDict(populate_by_name=True)

    state: Literal["pending", "firing"]
    start: datetime = Field(alias="from", description="When it began; no earlier than is known.")
    end: datetime | None = Field(alias="to", description="When it ended; null where it lasted beyond the range.")


class AlertStretches(BaseModel):
    """What one alert did."""

    fingerprint: str
    rule: str = Field(description="The rule's name.")
    labels: dict[str, str] = Field(description="Empty where the alert is no longer kept.")
    stretches: list[Stretch] = Field(description="The oldest first.")


class AlertTimeline(BaseModel):
    """The answer."""

    model_config = ConfigDict(populate_by_name=True)

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    known_from: datetime = Field(description="Since when every stretch is told; later than `from` where it was a lot.")
    alerts: list[AlertStretches] = Field(description="Those of the newest stretches first.")
    truncated: bool = Field(description="Whether there are more alerts than are told.")


class TimelineDesk(Protocol):
    """Where it is known what alerts did."""

    async def timeline(self, wanted: TimelineParameters) -> AlertTimeline:
        """All alerts over a range."""
        ...


def alert_timeline_router(desk: TimelineDesk) -> APIRouter:
    """/alerts/timeline."""
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.get("/timeline", summary="When each alert was pending or firing", description=_DESCRIPTION)
    async def timeline(parameters: Annotated[TimelineParameters, Query()]) -> AlertTimeline:
        return await desk.timeline(parameters)

    return router
