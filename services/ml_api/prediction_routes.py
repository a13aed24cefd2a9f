"""The endpoints for predictions."""

import time
from collections.abc import Callable, Sequence

from fastapi import APIRouter, BackgroundTasks
from opentelemetry import context
from opentelemetry.trace import Tracer

from services.ml_api.deadline import Deadline
from services.ml_api.desk import Desk
from services.ml_api.limits import Limits
from services.ml_api.observed import Judged
from services.ml_api.schemas import BatchRequest, BatchResponse, PredictRequest, PredictResponse
from services.ml_api.serving import Serving
from services.ml_api.shadow_lane import ShadowJob, ShadowLane, ShadowRow
from services.ml_api.weather_lookup import WeatherLookup


def build_prediction_router(
    serving: Serving,
    tracer: Tracer,
    *,
    limits: Limits,
    weather: WeatherLookup,
    shadow: Callable[[], ShadowLane | None],
    clock: Callable[[], float] = time.monotonic,
) -> APIRouter:
    """The routes.

    Args:
        serving: Where the model is.
        tracer: Makes the spans around weather and model.
        limits: How much at once, and for how long.
        weather: Finds the weather.
        shadow: The lane of the shadow, if there is one now.
        clock: Monotonic seconds.
    """
    router = APIRouter(tags=["predictions"])
    desk = Desk(tracer, weather, limits, clock)

    async def judge(items: Sequence[PredictRequest], after: BackgroundTasks) -> list[PredictResponse]:
        deadline = Deadline.after(limits.deadline_seconds, now=clock())
        judged = await desk.work_off(serving.load(), items, deadline)
        lane = shadow()
        if lane is not None:
            # Runs once the answer is out, and only hands over: the connection's next request need not wait.
            after.add_task(_shadow, lane, context.get_current(), items, judged)
        return judged.answers

    @router.post("/v1/predict", summary="Judge one flight")
    async def predict_one(body: PredictRequest, after: BackgroundTasks) -> PredictResponse:
        return (await judge([body], after))[0]

    @router.post("/v1/predict/batch", summary="Judge up to 1,000 flights")
    async def predict_batch(body: BatchRequest, after: BackgroundTasks) -> BatchResponse:
        return BatchResponse(predictions=await judge(body.items, after))

    return router


async def _shadow(lane: ShadowLane, trace: context.Context, items: Sequence[PredictRequest], judged: Judged) -> None:
    # A coroutine although it never waits: Starlette runs plain functions in a thread.
    rows = [
        ShadowRow(answer.prediction_id, row, answer.features_source, item.entity_id)
        for item, row, answer in zip(items, judged.rows, judged.answers, strict=True)
    ]
    lane.offer(ShadowJob(trace, rows))
