"""`/alerts`: what fires, who looks after it, what it did before, and whether the worker that would say so is alive."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.routes.operator import author_of

LONGEST_COMMENT: Final = 2_000
MOST_EVENTS: Final = 500
# As large as a 64-bit integer can be.
LARGEST_NUMBER: Final = 2**63 - 1
_FINGERPRINT: Final = r"^[0-9a-f]{1,16}$"

Fingerprint = Annotated[
    str,
    Path(pattern=_FINGERPRINT, description="Identity of the alert's labels.", examples=["9f86d081884c7d65"]),
]


class AlertParameters(BaseModel):
    """The question."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["inactive", "pending", "firing", "resolved"] | None = Field(
        default=None, description="Only alerts in this state."
    )


class AlertLinks(BaseModel):
    """Where to go from an alert; empty where there is nothing."""

    alert: str = Field(description="The dashboard's page of this alert, where it is acknowledged and silenced.")
    dashboard: str = Field(description="The dashboard's chart of what it watches, around the event.")
    runbook: str = Field(description="What to do about it, as its rule says.")


class Alert(BaseModel):
    """One alert."""

    fingerprint: str = Field(description="Identity of its labels.")
    rule: str = Field(description="The rule's name.")
    state: Literal["inactive", "pending", "firing", "resolved"]
    health: Literal["ok", "no_data", "incomplete", "immature", "error"] = Field(
        description="What the last look rested on, whatever the state is."
    )
    cause: Literal["condition", "no_data", "error", "rule_removed"] = Field(
        description="Why it is active, or why it ended."
    )
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None = Field(description="The figure at the last look that gave one.")
    active_since: datetime | None = Field(description="When it began to breach.")
    fired_at: datetime | None
    resolved_at: datetime | None
    last_evaluated_at: datetime | None
    metric: str = Field(description="What the rule watches; empty for a statement.")
    condition: str = Field(description="When it is bad.")
    runbook: str = Field(description="The rule's link; empty when it has none.")
    url: str = Field(description="Where the dashboard shows it; empty when the worker does not know the dashboard.")
    trace_ids: list[str] = Field(description="A few traces of its present incident, or of its last one.")
    error: str | None = Field(description="Why the last look gave no answer; null when it gave one.")
    incident: str | None = Field(description="The name of its present or last firing; null when it never fired.")
    acknowledged_by: str | None = Field(description="Who has taken the present firing on; null when nobody has.")
    acknowledged_at: datetime | None
    acknowledgement: str | None = Field(description="What they said; may be empty.")
    silenced_by: list[str] = Field(description="Ids of the silences that hold it back now.")
    inhibited_by: str | None = Field(description="What holds it back besides silences, in words.")
    links: AlertLinks


class WorkerLife(BaseModel):
    """How the alert worker is."""

    state: Literal["running", "silent", "never"]
    last_evaluation_at: datetime | None
    error: str | None = Field(description="What is wrong with its files or its store; null when nothing is.")
    standby: int = Field(default=0, description="Other workers on the same store, ready to take over.")


class Alerts(BaseModel):
    """The answer."""

    alerts: list[Alert]
    worker: WorkerLife


class HistoryParameters(BaseModel):
    """Which part of an alert's history."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=MOST_EVENTS, description="Most events of a page.")
    cursor: int | None = Field(
        default=None, ge=1, le=LARGEST_NUMBER, description="`next_cursor` of the page before.", examples=[4711]
    )


class Event(BaseModel):
    """Something that happened to an alert."""

    id: int
    kind: Literal["pending", "cancelled", "fired", "resolved", "failing", "recovered"]
    at: datetime
    value: float | None = Field(description="The figure that caused it; null when there was none.")
    cause: Literal["condition", "no_data", "error", "rule_removed"]
    error: str | None


class AlertHistory(BaseModel):
    """The answer."""

    fingerprint: str
    rule: str = Field(description="The rule's name.")
    events: list[Event] = Field(description="The newest first.")
    next_cursor: int | None = Field(description="Gives the next page; null on the last.")


class AcknowledgeRequest(BaseModel):
    """Why, for others who wonder."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"comment": "rolling the model back"}]})

    comment: str = Field(default="", max_length=LONGEST_COMMENT)


class Acknowledgement(BaseModel):
    """Who has taken a firing on."""

    fingerprint: str
    incident: str = Field(description="The firing; the next one is told as ever.")
    author: str
    comment: str
    at: datetime


class AlertDesk(Protocol):
    """Where alerts are read and taken on."""

    async def alerts(self, state: str | None) -> Alerts:
        """All of them, or those in one state."""
        ...

    async def history(self, fingerprint: str, *, limit: int, cursor: int | None) -> AlertHistory:
        """What happened to one."""
        ...

    async def acknowledge(self, fingerprint: str, *, author: str, comment: str) -> Acknowledgement:
        """Take its present firing on."""
        ...


def alerts_router(desk: AlertDesk) -> APIRouter:
    """/alerts, /alerts/{fingerprint}/history and /alerts/{fingerprint}/acknowledge."""
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.get("", summary="Alerts, those that need somebody first")
    async def alerts(parameters: Annotated[AlertParameters, Query()]) -> Alerts:
        return await desk.alerts(parameters.state)

    @router.get("/{fingerprint}/history", summary="What happened to an alert, the newest first")
    async def history(fingerprint: Fingerprint, parameters: Annotated[HistoryParameters, Query()]) -> AlertHistory:
        return await desk.history(fingerprint, limit=parameters.limit, cursor=parameters.cursor)

    @router.post(
        "/{fingerprint}/acknowledge",
        summary="Take a firing alert on: nobody is reminded of it until it ends",
    )
    async def acknowledge(fingerprint: Fingerprint, body: AcknowledgeRequest, request: Request) -> Acknowledgement:
        return await desk.acknowledge(fingerprint, author=author_of(request), comment=body.comment)

    return router
