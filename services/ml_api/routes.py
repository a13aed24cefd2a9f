"""The endpoints for labels, and readiness."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter

from services.ml_api.schemas import LabelsRequest, LabelsResponse, ModelReference, Readiness
from services.ml_api.serving import Serving
from services.web.draining import Draining
from services.web.problems import BadInput, FieldError, Unavailable
from sightglass import record_label

_CLOCK_TOLERANCE: Final = timedelta(days=1)
_RETRY_AFTER_SECONDS: Final = 1


def build_router(serving: Serving, now: Callable[[], datetime], draining: Draining) -> APIRouter:
    """The routes.

    Args:
        serving: Where the model is.
        now: The time, in UTC.
        draining: Whether this process is about to end.
    """
    router = APIRouter()

    @router.post("/v1/labels", tags=["labels"], summary="Say what turned out to be true")
    async def labels(body: LabelsRequest) -> LabelsResponse:
        known = serving.load().card.labels
        errors = [
            FieldError(f"labels.{index}.label", f"not a label of this model; it has {', '.join(known)}")
            for index, item in enumerate(body.labels)
            if item.label not in known
        ]
        if errors:
            raise BadInput(f"Not a label: {', '.join(error.field for error in errors[:5])}.", errors=errors)
        latest = now() + _CLOCK_TOLERANCE
        early = [
            FieldError(f"labels.{index}.observed_at", "lies in the future")
            for index, item in enumerate(body.labels)
            if item.observed_at > latest
        ]
        if early:
            # It would stay the prediction's latest label, whatever is learned later.
            raise BadInput("A label can't be observed before its moment.", errors=early)
        distinct = list(dict.fromkeys(body.labels))
        for item in distinct:
            record_label(item.prediction_id, item.label, observed_at=item.observed_at)
        return LabelsResponse(accepted=len(distinct), duplicates=len(body.labels) - len(distinct))

    @router.get("/readyz", tags=["health"], summary="Whether a model is loaded and warm, and the process is to stay")
    async def readyz() -> Readiness:
        if draining.begun:
            raise Unavailable(
                "draining: this process was told to stop; requests under way are answered.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        model = serving.load().model
        return Readiness(
            status="ready",
            model=ModelReference(name=model.name, version=model.version),
            problems=serving.problems(),
        )

    return router
