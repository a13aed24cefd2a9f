"""Predictions with their telemetry: two spans around the work, one event for each result."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, Tracer

from services.ml_api.features import FeatureRow, FlightPlan, feature_row, hour_text
from services.ml_api.limits import LARGE_ITEMS
from services.ml_api.schemas import ModelReference, PredictRequest, PredictResponse
from services.ml_api.scoring import Decision, Predictor
from services.ml_api.weather import Weather
from services.ml_api.weather_lookup import WeatherLookup, look_up_in_time
from services.web.problems import Unavailable
from sightglass import attributes, model_call, record_prediction

_logger = logging.getLogger(__name__)

WEATHER_SPAN: Final = "weather.lookup"
MODEL_SPAN: Final = "model.predict"
FALLBACK_EVENT: Final = "weather.fallback"
WEATHER_LOOKUPS: Final = "weather.lookups"
WEATHER_MISSING: Final = "weather.missing"
WEATHER_ORIGIN: Final = "weather.origin"
WEATHER_HOUR: Final = "weather.hour"
MODEL_ROWS: Final = "ml.model.rows"
_MOST_EVENTS: Final = 10


class ModelFailed(Unavailable):
    """The model raised on an acceptable input."""

    title = "Model failed"
    type = "urn:sightglass:problem:model-failed"


@dataclass(frozen=True, slots=True)
class Case:
    """All that a judgement needs.

    Args:
        predictor: The version that answers.
        requests: What was asked.
        plans: The flight of each request.
        weathers: The weather of each flight.
        queue_seconds: How long the request waited for its turn.
    """

    predictor: Predictor
    requests: Sequence[PredictRequest]
    plans: Sequence[FlightPlan]
    weathers: Sequence[Weather]
    queue_seconds: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The answers to a request, and the feature rows that they rest on, in the same order."""

    answers: list[PredictResponse]
    rows: list[FeatureRow]


async def look_up_weather(
    lookup: WeatherLookup, predictor: Predictor, plans: Sequence[FlightPlan], tracer: Tracer, seconds: float
) -> list[Weather]:
    """The weather of each flight in one span; what stands in for it when the lookup takes longer than `seconds`."""
    hours = [(plan.origin, plan.hour_utc()) for plan in plans]
    with tracer.start_as_current_span(WEATHER_SPAN) as span:
        if lookup.instant:
            weathers = await lookup.look_up(predictor.weather, hours)
        else:
            weathers = await look_up_in_time(lookup, predictor.weather, hours, seconds, span)
        _describe(span, hours, weathers)
    return weathers


def judge(case: Case, tracer: Tracer, commit: Callable[[], None]) -> Judged:
    """Judge each flight, and record each judgement with everything it rests on.

    Args:
        case: What is judged.
        tracer: Makes the span around the model call.
        commit: Called between the model and the recording; raises when nobody waits for the answer any more.

    Raises:
        ModelFailed: The model raised.
    """
    rows = [feature_row(plan, weather.values) for plan, weather in zip(case.plans, case.weathers, strict=True)]
    decisions, duration_seconds = _decide(case.predictor, rows, tracer, case.queue_seconds)
    commit()
    model = case.predictor.model
    reference = ModelReference(name=model.name, version=model.version)
    answers = []
    for request, row, weather, decision in zip(case.requests, rows, case.weathers, decisions, strict=True):
        prediction_id = record_prediction(
            row,
            score=decision.score,
            label=decision.label,
            scores=decision.scores,
            model=model,
            positive=decision.positive,
            entity_id=request.entity_id,
            features_source=weather.source,
            duration_seconds=duration_seconds,
        )
        answers.append(
            PredictResponse(
                prediction_id=prediction_id,
                model=reference,
                label=decision.label,
                score=decision.score,
                features_source=weather.source,
            )
        )
    return Judged(answers, rows)


def _decide(
    predictor: Predictor, rows: Sequence[FeatureRow], tracer: Tracer, queue_seconds: float
) -> tuple[list[Decision], float]:
    model = predictor.model
    told: dict[str, str | int] = {
        attributes.MODEL_NAME: model.name,
        attributes.MODEL_VERSION: model.version,
        MODEL_ROWS: len(rows),
    }
    call = model_call(model, queue_seconds=queue_seconds)
    try:
        with tracer.start_as_current_span(MODEL_SPAN, attributes=told), call:
            decisions = predictor.decide(rows)
    except Exception as error:
        _logger.exception("the model %s %s failed", model.name, model.version)
        trace.get_current_span().record_exception(error)
        raise ModelFailed(
            f"The model {model.version} failed on this input; the log holds the reason under this request's trace id."
        ) from error
    finally:
        if len(rows) < LARGE_ITEMS:
            predictor.pace.note(call.seconds)
    return decisions, call.seconds


def _describe(span: Span, hours: Sequence[tuple[str, int]], weathers: Sequence[Weather]) -> None:
    if not span.is_recording():
        return
    missing = [hour for hour, weather in zip(hours, weathers, strict=True) if weather.source == "fallback"]
    span.set_attributes({WEATHER_LOOKUPS: len(hours), WEATHER_MISSING: len(missing)})
    if len(hours) == 1:
        span.set_attributes(_place(hours[0]))
    for hour in list(dict.fromkeys(missing))[:_MOST_EVENTS]:
        span.add_event(FALLBACK_EVENT, _place(hour))


def _place(hour: tuple[str, int]) -> dict[str, str]:
    return {WEATHER_ORIGIN: hour[0], WEATHER_HOUR: hour_text(hour[1])}
