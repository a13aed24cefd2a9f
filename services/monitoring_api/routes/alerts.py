"""`GET /alerts`: what fires, and whether the worker that would say so is alive."""

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field


class AlertReader(Protocol):
    """Where alerts are read."""

    async def read(self, state: str | None) -> dict[str, Any]:
        """The answer, with all alerts or those in one state."""
        ...


class AlertParameters(BaseModel):
    """The question."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["inactive", "pending", "firing", "resolved"] | None = Field(
        default=None, description="Only alerts in this state."
    )


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


class WorkerLife(BaseModel):
    """How the alert worker is."""

    state: Literal["running", "silent", "never"]
    last_evaluation_at: datetime | None
    error: str | None = Field(description="What is wrong with its files or its store; null when nothing is.")


class Alerts(BaseModel):
    """The answer."""

    alerts: list[Alert]
    worker: WorkerLife


def alerts_router(reader: AlertReader) -> APIRouter:
    """The route over a reader of the alert store."""
    router = APIRouter(tags=["alerts"])

    @router.get("/alerts", summary="Alerts, those that need somebody first")
    async def alerts(parameters: Annotated[AlertParameters, Query()]) -> Alerts:
        return Alerts.model_validate(await reader.read(parameters.state))

    return router
