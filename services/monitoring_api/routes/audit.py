"""`GET /audit`: what operators did, and what they were refused."""

from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

MOST_ENTRIES: Final = 500
_LONGEST_NAME: Final = 200
_DESCRIPTION: Final = (
    "The newest first, out of the audit logs of every process that writes to this machine's folder "
    "(`SIGHTGLASS_AUDIT_DIR`); of each the last megabyte. `readable` is false where there is none."
)


class AuditParameters(BaseModel):
    """Parameters of /audit."""

    model_config = ConfigDict(extra="forbid")

    action: Annotated[
        str,
        Field(max_length=_LONGEST_NAME, description="Only this action, or this kind.", examples=["silence"]),
    ] = ""
    who: Annotated[str, Field(max_length=_LONGEST_NAME, description="Only of this person or token.")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST_ENTRIES, description="Most entries.")] = 100


class AuditRow(BaseModel):
    """One thing that was done, or refused."""

    at: datetime
    who: str = Field(description="The person, where one is known; else the token's name.")
    actor: str = Field(description="The token's name, `local:<user>` at the command line, or `anonymous`.")
    on_behalf_of: str | None = Field(description="The person for whom the actor did it.")
    action: str = Field(examples=["silence.create"])
    target: str | None
    outcome: str = Field(description="`ok`, `refused` or `failed`.")
    status: int | None
    process: str = Field(description="Who wrote it down.")
    trace_id: str | None
    client: str | None


class AuditAnswer(BaseModel):
    """The answer."""

    entries: list[AuditRow] = Field(description="The newest first.")
    truncated: bool = Field(description="Whether there are more than are told.")
    readable: bool = Field(description="Whether there is a log that can be read here.")


class AuditDesk(Protocol):
    """Where it is known what operators did."""

    async def audit(self, wanted: AuditParameters) -> AuditAnswer:
        """The newest entries."""
        ...


def audit_router(desk: AuditDesk) -> APIRouter:
    """/audit."""
    router = APIRouter(tags=["access"])

    @router.get("/audit", summary="What operators did, and what they were refused", description=_DESCRIPTION)
    async def audit(parameters: Annotated[AuditParameters, Query()]) -> AuditAnswer:
        return await desk.audit(parameters)

    return router
