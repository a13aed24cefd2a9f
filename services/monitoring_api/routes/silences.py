"""`/silences`: for a time, alerts with certain labels are told to nobody."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Path, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.routes.alerts import LONGEST_COMMENT
from services.monitoring_api.routes.operator import author_of
from services.web.access.gate import name_target

MOST_MATCHERS: Final = 20
LONGEST_MATCHER: Final = 1_000
_ID: Final = r"^[0-9a-f-]{1,36}$"
_EXAMPLE: Final[dict[str, Any]] = {
    "matchers": ["alertname=TooManyErrors", "severity=~page|ticket"],
    "duration": "2h",
    "comment": "new model is being rolled out",
}


class SilenceParameters(BaseModel):
    """Which silences."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["pending", "active", "expired"] | None = Field(
        default=None, description="Only silences in this state."
    )


class SilenceRequest(BaseModel):
    """What shall be silent, until when, and why. Its author is the caller."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    matchers: list[Annotated[str, Field(max_length=LONGEST_MATCHER)]] = Field(
        min_length=1,
        max_length=MOST_MATCHERS,
        description="What an alert's labels must meet, all of them: `name=value`, `!=`, `=~` and `!~` with an RE2 "
        "expression of the whole value.",
    )
    comment: str = Field(min_length=1, max_length=LONGEST_COMMENT, description="Why.")
    duration: str | None = Field(
        default=None, max_length=40, description="How long, such as 30m, 2h or 1d; instead of `ends_at`."
    )
    starts_at: datetime | None = Field(default=None, description="From when; at once by default.")
    ends_at: datetime | None = Field(default=None, description="Until when.")

    def seconds(self, name: Literal["starts_at", "ends_at"]) -> float | None:
        """One end as epoch seconds; a time without zone is UTC."""
        at: datetime | None = getattr(self, name)
        return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Silence(BaseModel):
    """One silence."""

    id: str = Field(examples=["5d41402abc4b2a76"])
    state: Literal["pending", "active", "expired"]
    matchers: list[str] = Field(examples=[['alertname="TooManyErrors"']])
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str
    created_at: datetime
    ended_by: str | None = Field(description="Who ended it early; null when nobody did.")
    alerts: list[str] = Field(description="Fingerprints of the pending and firing alerts that it holds back now.")


class Silences(BaseModel):
    """The answer."""

    silences: list[Silence] = Field(description="Those that end first first; after them the expired ones.")


class SilenceDesk(Protocol):
    """Where silences are kept."""

    async def silences(self, state: str | None) -> Silences:
        """All of them, or those in one state."""
        ...

    async def create(self, wanted: SilenceRequest, *, author: str) -> Silence:
        """Make one."""
        ...

    async def expire(self, silence_id: str, *, by: str) -> Silence:
        """End one now."""
        ...


def silences_router(desk: SilenceDesk) -> APIRouter:
    """/silences and /silences/{id}."""
    router = APIRouter(prefix="/silences", tags=["silences"])

    @router.get("", summary="Silences, those in force first")
    async def silences(parameters: Annotated[SilenceParameters, Query()]) -> Silences:
        return await desk.silences(parameters.state)

    @router.post("", status_code=status.HTTP_201_CREATED, summary="Tell nobody of certain alerts for a time")
    async def create(body: SilenceRequest, request: Request) -> Silence:
        name_target(request.scope, ", ".join(body.matchers)[:200])
        made = await desk.create(body, author=author_of(request))
        name_target(request.scope, f"{made.id}: {', '.join(made.matchers)}"[:200])
        return made

    @router.delete("/{id}", summary="End a silence now; it stays listed as expired")
    async def expire(
        silence_id: Annotated[str, Path(alias="id", pattern=_ID, examples=["5d41402abc4b2a76"])], request: Request
    ) -> Silence:
        return await desk.expire(silence_id, by=author_of(request))

    return router
