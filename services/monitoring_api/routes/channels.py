"""`/channels`: the ways to reach people, how they do, and a test of one."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class Channel(BaseModel):
    """One channel, without any secret."""

    name: str = Field(examples=["ops-mail"])
    type: str = Field(description="Empty when only its messages are left.", examples=["email"])
    target: str = Field(description="Where it sends to.", examples=["smtp://localhost:1025 to ops@example.org"])
    send_resolved: bool | None = Field(description="Whether it tells of ends too.")
    missing: str | None = Field(description="The secret that it lacks, as seen by this process; null when none.")
    state: Literal["idle", "delivering", "waiting", "failing"] = Field(
        description="`idle` when it never had a message, `failing` while one waits whose last attempt failed."
    )
    waiting: int = Field(description="Messages that have not reached their receiver yet.")
    abandoned: int = Field(description="Messages that were given up, and can be sent again.")
    last_delivered_at: datetime | None
    failing_since: datetime | None = Field(description="Since when nothing gets through; null while it does.")
    reason: str | None = Field(description="Why the last attempt failed; null while none does.")


class Channels(BaseModel):
    """The answer."""

    channels: list[Channel]
    error: str | None = Field(description="What is wrong with the notifications file; null when nothing is.")


class ChannelVerdict(BaseModel):
    """What came of a test."""

    channel: str
    type: str = Field(description="Empty when the file doesn't tell.")
    target: str
    delivered: bool = Field(description="Whether the receiver confirmed a real message.")
    detail: str = Field(description="What the receiver said, or why it was not reached.")
    remedy: str = Field(description="What to do about it; empty when delivered, or when nothing is known.")
    idempotency_key: str = Field(description="The message's; empty when none was made.")


class ChannelDesk(Protocol):
    """Where channels are known."""

    async def channels(self) -> Channels:
        """All of them."""
        ...

    async def test(self, name: str) -> ChannelVerdict:
        """Send a real message through one."""
        ...


def channels_router(desk: ChannelDesk) -> APIRouter:
    """/channels and /channels/{name}/test."""
    router = APIRouter(prefix="/channels", tags=["channels"])

    @router.get("", summary="The channels, and whether messages get through")
    async def channels() -> Channels:
        return await desk.channels()

    @router.post(
        "/{name}/test",
        summary="Send a real message through a channel; the answer is 200 whether it was delivered or not",
    )
    async def test(name: Annotated[str, Path(pattern=_NAME, examples=["ops-mail"])]) -> ChannelVerdict:
        return await desk.test(name)

    return router
