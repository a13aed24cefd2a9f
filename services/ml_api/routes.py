"""The endpoints for predictions and labels, and readiness."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter
from opentelemetry.trace import Tracer

from services.ml_api.observed import predict
from services.ml_api.schemas import (
    BatchRequest,
    BatchResponse,
    LabelsRequest,
    LabelsResponse,
    ModelReference,
    PredictRequest,
    PredictResponse,
    Readiness,
)
from services.ml_api.serving import Serving
from services.web.problems import BadInput, FieldError
from sightglass import record_label

# From here on a batch is milliseconds of work: other requests should not wait for it.
_THREAD_FROM_ITEMS: Final = 20
_CLOCK_TOLERANCE: Final = timedelta(days=1)


def build_router(serving: Serving, tracer: Tracer, now: Callable[[], datetime]) -> APIRouter:
    """The routes.

    Args:
        serving: Where the model is.
        tracer: Makes the spans around weather and model.
        now: The time, in UTC.
    """
    router = APIRouter()
    # One at a time: several would take the cores from the thread that exports their events, and its queue would
    # overflow.
    one_batch = CapacityLimiter(1)

    @router.post("/v1/predict", tags=["predictions"], summary="Judge one flight")
    async def predict_one(body: PredictRequest) -> PredictResponse:
        return predict(serving.load(), [body], tracer)[0]

    @router.post("/v1/predict/batch", tags=["predictions"], summary="Judge up to 1,000 flights")
    async def predict_batch(body: BatchRequest) -> BatchResponse:
        predictor = serving.load()
        if len(body.items) < _THREAD_FROM_ITEMS:
            return BatchResponse(predictions=predict(predictor, body.items, tracer))
        return BatchResponse(predictions=await run_sync(predict, predictor, body.items, tracer, limiter=one_batch))

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

    @router.get("/readyz", tags=["health"], summary="Whether a model is loaded")
    async def readyz() -> Readiness:
        model = (await run_sync(serving.load)).model
        return Readiness(status="ready", model=ModelReference(name=model.name, version=model.version))

    return router
