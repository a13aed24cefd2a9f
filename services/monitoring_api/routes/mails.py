"""`/mails`: the mails that the demo's own mail server has taken; none where there is no such server."""

from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

MOST_MAILS: Final = 50


class MailParameters(BaseModel):
    """How many."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=MOST_MAILS, description="Most mails.")


class Mail(BaseModel):
    """One mail. Its texts are whatever was sent: who shows `html` must not let it act."""

    id: str
    received_at: datetime
    subject: str
    sender: str
    to: str
    text: str
    html: str = Field(description="Its page, with its pictures in it; empty when there is none or it is too long.")
    conversation: str = Field(description="The same for all mails of one incident.")
    size_bytes: int


class Mails(BaseModel):
    """The answer."""

    mails: list[Mail] = Field(description="The newest first.")


class Mailroom(Protocol):
    """Where mails lie."""

    async def mails(self, limit: int) -> Mails:
        """The newest ones."""
        ...


def mails_router(room: Mailroom) -> APIRouter:
    """/mails."""
    router = APIRouter(prefix="/mails", tags=["notifications"])

    @router.get("", summary="Mails that the demo's mail server has taken")
    async def mails(parameters: Annotated[MailParameters, Query()]) -> Mails:
        return await room.mails(parameters.limit)

    return router
