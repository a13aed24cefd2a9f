"""`POST /models/{name}/promote`: forwarded to the ML API, which does it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.ml_api import MlApi
from services.web.access.gate import name_target

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_VERSION = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


class PromoteRequest(BaseModel):
    """The version that shall answer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": "8b95ad93be97"}]})

    version: str = Field(min_length=1, max_length=64, pattern=_VERSION)


class PromoteResponse(BaseModel):
    """What answers now, and what did before."""

    name: str
    active: str
    previous: str | None


def models_router(ml_api: MlApi) -> APIRouter:
    """The route over the ML API."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.post(
        "/{name}/promote",
        summary="Let another version of a model answer; forwarded to the ML API",
        response_model=PromoteResponse,
    )
    async def promote(
        name: Annotated[str, Path(pattern=_NAME, examples=["flight-delay"])], body: PromoteRequest, request: Request
    ) -> Response:
        name_target(request.scope, f"{name}/{body.version}")
        answer = await ml_api.promote(name, body.version, request.scope["headers"])
        # As it came: what the ML API says of a bad version is what this caller has to know.
        return Response(answer.body, answer.status, dict(answer.headers))

    return router
