"""Predictions with their telemetry: two spans around the work, one event for each result."""

from collections.abc import Sequence
from time import perf_counter
from typing import Final

from opentelemetry.trace import Span, Tracer

from services.ml_api.features import feature_row, hour_text
from services.ml_api.schemas import ModelReference, PredictRequest, PredictResponse
from services.ml_api.scoring import Predictor
from services.ml_api.weather import Weather
from sightglass import attributes, record_prediction

WEATHER_SPAN: Final = "weather.lookup"
MODEL_SPAN: Final = "model.predict"
FALLBACK_EVENT: Final = "weather.fallback"
WEATHER_LOOKUPS: Final = "weather.lookups"
WEATHER_MISSING: Final = "weather.missing"
WEATHER_ORIGIN: Final = "weather.origin"
WEATHER_HOUR: Final = "weather.hour"
MODEL_ROWS: Final = "ml.model.rows"
_MOST_EVENTS: Final = 10


def predict(predictor: Predictor, requests: Sequence[PredictRequest], tracer: Tracer) -> list[PredictResponse]:
    """Judge each flight, and record each judgement with everything it rests on."""
    plans = [request.features.plan() for request in requests]
    with tracer.start_as_current_span(WEATHER_SPAN) as span:
        weathers = [predictor.look_up_weather(plan) for plan in plans]
        hours = [(plan.origin, hour_text(plan.hour_utc())) for plan in plans]
        _describe(span, hours, weathers)
    rows = [feature_row(plan, weather.values) for plan, weather in zip(plans, weathers, strict=True)]
    model = predictor.model
    with tracer.start_as_current_span(
        MODEL_SPAN,
        attributes={
            attributes.MODEL_NAME: model.name,
            attributes.MODEL_VERSION: model.version,
            MODEL_ROWS: len(rows),
        },
    ):
        started = perf_counter()
        decisions = predictor.decide(rows)
        duration_seconds = perf_counter() - started
    reference = ModelReference(name=model.name, version=model.version)
    responses = []
    for request, row, weather, decision in zip(requests, rows, weathers, decisions, strict=True):
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
        responses.append(
            PredictResponse(
                prediction_id=prediction_id,
                model=reference,
                label=decision.label,
                score=decision.score,
                features_source=weather.source,
            )
        )
    return responses


def _describe(span: Span, hours: Sequence[tuple[str, str]], weathers: Sequence[Weather]) -> None:
    if not span.is_recording():
        return
    missing = [hour for hour, weather in zip(hours, weathers, strict=True) if weather.source == "fallback"]
    span.set_attributes({WEATHER_LOOKUPS: len(hours), WEATHER_MISSING: len(missing)})
    if len(hours) == 1:
        span.set_attributes({WEATHER_ORIGIN: hours[0][0], WEATHER_HOUR: hours[0][1]})
    for origin, hour in list(dict.fromkeys(missing))[:_MOST_EVENTS]:
        span.add_event(FALLBACK_EVENT, {WEATHER_ORIGIN: origin, WEATHER_HOUR: hour})
