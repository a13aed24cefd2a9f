"""The endpoints for models: which there are, and which one answers."""

from collections.abc import Callable
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Path, Request

from services.ml_api.model_store import MODEL_NAME, ModelBrokenError, ModelMissingError, ModelStore
from services.ml_api.schemas import ModelEntry, ModelsResponse, ModelVersion, PromoteRequest, PromoteResponse
from services.ml_api.serving import Serving
from services.web.access.gate import name_target
from services.web.problems import Conflict, FieldError, NotFound

ModelName = Annotated[str, Path(examples=[MODEL_NAME])]


def build_model_router(serving: Serving) -> APIRouter:
    """The routes over the models that `serving` can serve."""
    router = APIRouter(tags=["models"])

    @router.get("/v1/models", summary="Every model with its versions and cards")
    async def models() -> ModelsResponse:
        return await run_sync(_models, ModelStore(serving.models_dir, serving.name), serving.problems())

    @router.post("/v1/models/{name}/promote", summary="Let another version answer")
    async def promote(name: ModelName, body: PromoteRequest, request: Request) -> PromoteResponse:
        name_target(request.scope, f"{name[:64]}/{body.version}")
        if name != serving.name:
            raise NotFound(f"There is no model {name!r}; this service has {serving.name!r}.")
        try:
            previous = await run_sync(serving.promote, body.version)
        except ModelMissingError:
            raise NotFound(
                f"{name} has no version {body.version}; GET /v1/models lists what there is.",
                errors=[FieldError("version", "is not a stored version")],
            ) from None
        except ModelBrokenError as error:
            raise Conflict(str(error), errors=[FieldError("version", "can't be used")]) from None
        return PromoteResponse(name=name, active=body.version, previous=previous)

    return router


def show_active_version(app: FastAPI, serving: Serving) -> None:
    """Make the OpenAPI document's example of a promotion one that works: the version that is active anyway."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    def with_example() -> dict[str, Any]:
        document = plain()
        try:
            version = ModelStore(serving.models_dir, serving.name).active()
        except (ModelMissingError, ModelBrokenError):
            return document
        document["components"]["schemas"]["PromoteRequest"]["examples"] = [{"version": version}]
        return document

    app.openapi = with_example  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _models(store: ModelStore, problems: list[str]) -> ModelsResponse:
    active, shadow = store.chosen()
    versions = [
        ModelVersion(version=version, active=version == active, shadow=version == shadow, card=_card(store, version))
        for version in store.versions()
    ]
    entries = [ModelEntry(name=store.name, active=active, shadow=shadow, problems=problems, versions=versions)]
    return ModelsResponse(models=entries if versions else [])


def _card(store: ModelStore, version: str) -> dict[str, Any]:
    try:
        return store.card(version).model_dump(mode="json")
    except (ModelMissingError, ModelBrokenError) as error:
        return {"error": str(error)}
