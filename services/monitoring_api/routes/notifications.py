"""`/notifications`: every message there was with what became of it, and sending again what was given up."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.routes.alerts import LARGEST_NUMBER

MOST_NOTIFICATIONS: Final = 500

State = Literal["waiting", "folded", "delivered", "abandoned"]


class NotificationParameters(BaseModel):
    """Which messages."""

    model_config = ConfigDict(extra="forbid")

    channel: str | None = Field(
        default=None, max_length=100, description="Only those to this channel.", examples=["ops-mail"]
    )
    state: State | None = Field(
        default=None, description="Only those in this state; `folded` ones wait within a digest that says them."
    )
    fingerprint: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{1,16}$", description="Only those about this alert."
    )
    limit: int = Field(default=100, ge=1, le=MOST_NOTIFICATIONS, description="Most messages of a page.")
    cursor: int | None = Field(default=None, ge=1, le=LARGEST_NUMBER, description="`next_cursor` of the page before.")


class AboutAlert(BaseModel):
    """An alert that a message is about."""

    fingerprint: str
    alertname: str
    status: Literal["firing", "resolved"]
    labels: dict[str, str]


class NotificationDocument(BaseModel):
    """One message to one channel."""

    id: int
    channel: str
    status: Literal["firing", "resolved"]
    reason: str = Field(description="Why it was sent: first, changed, repeat, resolved, digest or test.")
    headline: str
    incident: str = Field(description="The same for all messages of one conversation.")
    group_labels: dict[str, str]
    alerts: list[AboutAlert]
    state: State
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    abandoned_at: datetime | None
    resent_at: datetime | None = Field(description="When somebody asked for it to be sent after all.")
    folded_into: int | None = Field(description="The digest that says it instead.")
    detail: str | None = Field(description="What the receiver said last, or why the last attempt failed.")
    idempotency_key: str


class Notifications(BaseModel):
    """The answer."""

    notifications: list[NotificationDocument] = Field(description="The newest first.")
    next_cursor: int | None = Field(description="Gives the next page; null on the last.")


class Resent(BaseModel):
    """What waits again."""

    resent: list[int] = Field(description="The message, and later ones of its conversation that were given up too.")


class NotificationDesk(Protocol):
    """Where messages are kept."""

    async def notifications(self, wanted: NotificationParameters) -> Notifications:
        """Some of them."""
        ...

    async def resend(self, notification_id: int) -> Resent:
        """Let one that was given up be sent after all."""
        ...


def notifications_router(desk: NotificationDesk) -> APIRouter:
    """/notifications and /notifications/{id}/resend."""
    router = APIRouter(prefix="/notifications", tags=["notifications"])

    @router.get("", summary="Messages, the newest first, with what became of each")
    async def notifications(parameters: Annotated[NotificationParameters, Query()]) -> Notifications:
        return await desk.notifications(parameters)

    @router.post("/{id}/resend", summary="Send a message that was given up after all")
    async def resend(
        notification_id: Annotated[int, Path(alias="id", ge=1, le=LARGEST_NUMBER, examples=[42])],
    ) -> Resent:
        return await desk.resend(notification_id)

    return router
