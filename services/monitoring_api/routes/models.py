"""`GET /models`, and `POST /models/{name}/promote`: forwarded to the ML API, which does it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.ml_api import MlApi
from services.monitoring_api.queries.model_list import SeenModel, SeenPart, find_models
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.parameters import FROM
from services.monitoring_api.routes.search_parameters import RangeParameters
from services.web.access.gate import name_target

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_VERSION = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


_MODELS: Final = (
    "Every model that made a prediction in the range, from whatever service. `predictions`, `labels` and "
    "`label_coverage` of a model are its champion's; a shadow shares the champion's predictions and labels."
)


class ModelsParameters(RangeParameters):
    """Parameters of /models."""

    start: Annotated[str, FROM] = "now-30d"


class Seen(BaseModel):
    """What there is of a model, or of one version or variant of it."""

    first_seen: str = Field(examples=["2026-11-01T00:00:00Z"])
    last_seen: str = Field(examples=["2026-11-23T10:00:00.250Z"])
    predictions: int
    labels: int = Field(description="For how many of its predictions a label came.")
    label_coverage: float


class SeenVersion(Seen):
    """A version of a model."""

    version: str = Field(examples=["8b95ad93be97"])
    reference: bool = Field(description="Whether there is a reference that it can be compared with.")


class SeenVariant(Seen):
    """A variant of a model."""

    variant: str = Field(examples=["champion"])


class ModelDocument(Seen):
    """A model."""

    name: str = Field(examples=["flight-delay"])
    task: str = Field(description="binary, multiclass or regression, as most of its predictions say.")
    reference: bool = Field(description="Whether there is a reference for the version seen last.")
    versions: list[SeenVersion] = Field(description="The one seen last first.")
    variants: list[SeenVariant]
    services: list[str]


class ModelList(BaseModel):
    """The models of a range."""

    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    models: list[ModelDocument]
    truncated: bool = Field(
        default=False,
        description="Whether models, versions, variants and services combine in more than 10,000 ways: those with the "
        "most predictions are told. A shorter range has fewer.",
    )


class PromoteRequest(BaseModel):
    """The version that shall answer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": "8b95ad93be97"}]})

    version: str = Field(min_length=1, max_length=64, pattern=_VERSION)


class PromoteResponse(BaseModel):
    """What answers now, and what did before."""

    name: str
    active: str
    previous: str | None


def models_router(serving: Serving, ml_api: MlApi) -> APIRouter:
    """/models, and the route over the ML API."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get("", summary="Every model that made predictions", description=_MODELS)
    async def models(parameters: Annotated[ModelsParameters, Query()]) -> ModelList:
        span = parameters.span(serving.clock())
        found = await find_models(serving.asking_exactly(), span)
        return ModelList(
            start=rfc3339(span.start_ns),
            end=rfc3339(span.end_ns),
            models=[_document(each) for each in found.models],
            truncated=found.truncated,
        )

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


def _document(model: SeenModel) -> ModelDocument:
    return ModelDocument(
        name=model.name,
        task=model.task,
        reference=model.has_reference(model.versions[0].name),
        versions=[
            SeenVersion(version=part.name, reference=model.has_reference(part.name), **_seen(part))
            for part in model.versions
        ],
        variants=[SeenVariant(variant=part.name, **_seen(part)) for part in model.variants],
        services=list(model.services),
        **_seen(model.whole),
    )


def _seen(part: SeenPart) -> dict[str, Any]:
    return {
        "first_seen": rfc3339(part.first_ns),
        "last_seen": rfc3339(part.last_ns),
        "predictions": part.predictions,
        "labels": part.labels,
        "label_coverage": part.label_coverage,
    }
