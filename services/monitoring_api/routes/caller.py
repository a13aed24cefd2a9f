"""`GET /caller`: who asks, as their token says, and what they may do."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.web.access.caller import caller_of
from services.web.access.scopes import Role, Scope, role_of


class NoParameters(BaseModel):
    """The question takes none."""

    model_config = ConfigDict(extra="forbid")


class CallerAnswer(BaseModel):
    """Who asks."""

    authenticated: bool = Field(
        description="Whether a token was asked for and is good; false where none is asked for, so that everybody may "
        "do everything."
    )
    name: str = Field(description="The token's name; `anonymous` where none is asked for.", examples=["ann"])
    role: Role | None = Field(description="The role that allows just these scopes; null where no role does.")
    scopes: list[Scope] = Field(description="What the caller may do, in the order of the alphabet.")
    token_id: str | None = Field(description="The token's id, which is no secret.", examples=["3f2a9c01d7be"])
    expires_at: datetime | None = Field(description="From when the token is refused; null: until it is revoked.")
    on_behalf_of: str | None = Field(
        description="The user whom X-Sightglass-User names; role and scopes are then what both may do."
    )


def caller_router() -> APIRouter:
    """The route; it asks nobody but the request."""
    router = APIRouter(tags=["access"])

    @router.get("/caller", summary="Whose token this is, and what it allows")
    async def caller(request: Request, _: Annotated[NoParameters, Query()]) -> CallerAnswer:
        asks = caller_of(request.scope)
        return CallerAnswer(
            authenticated=asks.token_id is not None,
            name=asks.name,
            role=role_of(asks.scopes),
            scopes=sorted(asks.scopes),
            token_id=asks.token_id,
            expires_at=asks.expires_at,
            on_behalf_of=asks.user,
        )

    return router
