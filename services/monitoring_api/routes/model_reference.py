"""`GET /models/{name}/reference`: how a model's features, scores and labels were distributed when it was trained."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.model_reference import find_reference
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.reference.document import (
    FeatureReference,
    Finding,
    LabelReference,
    Reference,
    ScoreReference,
    Source,
)
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.shared_answers import Rendered
from services.web.problems import NotFound

_LONGEST_NAME: Final = 256
_DESCRIPTION: Final = (
    "What serving is compared with: shares of categories, and quantiles (0 %, 1 %, ... 100 %) of numbers. It is the "
    "version's own reference, or the one that stands for every version (`version` is then null); without `version` the "
    "one that was stored last."
)


class ReferenceParameters(BaseModel):
    """Parameters of /models/{name}/reference."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[
        str | None,
        Field(max_length=_LONGEST_NAME, description="The model's version.", examples=["8b95ad93be97"]),
    ] = None


class ReferenceDocument(BaseModel):
    """A reference."""

    model: str = Field(examples=["flight-delay"])
    version: str | None = Field(description="Of which version it is; null: of every one that has none of its own.")
    created_at: str = Field(examples=["2026-11-23T10:00:00.250Z"])
    task: str = Field(examples=["binary"])
    rows: int = Field(description="How many rows it was made from.")
    source: Source
    features: list[FeatureReference]
    scores: ScoreReference | None
    labels: LabelReference | None
    findings: list[Finding]


def model_reference_router(serving: Serving) -> APIRouter:
    """/models/{name}/reference."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get(
        "/{name}/reference",
        summary="What a model is compared with",
        description=_DESCRIPTION,
        response_model=ReferenceDocument,
    )
    async def reference(
        name: Annotated[str, Path(examples=["flight-delay"])],
        parameters: Annotated[ReferenceParameters, Query()],
        request: Request,
    ) -> Response:
        if not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
            raise bad_field("name", f"not a name of 1 to {_LONGEST_NAME} characters")
        if parameters.version is not None and "\0" in parameters.version:
            raise bad_field("version", "holds a NUL character")
        asked = ("reference", name, parameters.version)
        return await serving.answers.respond(asked, request, lambda: _answer(serving, name, parameters.version))

    return router


async def _answer(serving: Serving, name: str, version: str | None) -> Rendered:
    found = await find_reference(serving.asking(), name, version)
    if found is None:
        of = "" if version is None else f", version {version[:80]!r}"
        raise NotFound(
            f"There is no reference of the model {name[:80]!r}{of}; "
            "`sightglass reference build` makes one from the file that it was trained on."
        )
    stored = Reference.model_validate_json(found.document)
    document = ReferenceDocument(
        model=stored.model,
        version=stored.version or None,
        created_at=rfc3339(found.created_ns),
        task=stored.task,
        rows=stored.rows,
        source=stored.source,
        features=stored.features,
        scores=stored.scores,
        labels=stored.labels,
        findings=stored.findings,
    )
    return Rendered(document.model_dump_json().encode(), "application/json")
