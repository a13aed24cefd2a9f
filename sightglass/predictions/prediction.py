"""`record_prediction`: one event per prediction, and its ids on the current span."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.moment import moment_or_now
from sightglass.predictions.features import FeatureBody, as_number
from sightglass.predictions.identifiers import new_prediction_id
from sightglass.predictions.identity import Identity
from sightglass.predictions.model import Model, usable_model
from sightglass.requests.clean_attributes import set_clean_attributes
from sightglass.telemetry import current, warn_not_running
from sightglass.text import identifier_text, label_text, plain_text


def record_prediction(
    features: Mapping[str, Any],
    *,
    score: float | None = None,
    label: Any = None,
    value: float | None = None,
    scores: Mapping[str, float] | None = None,
    model: Model | None = None,
    positive: bool | None = None,
    prediction_id: str | None = None,
    entity_id: Any = None,
    features_source: str = attributes.STORE,
    variant: str = attributes.CHAMPION,
    duration_seconds: float | None = None,
    timestamp: datetime | int | None = None,
) -> str:
    """Record one prediction. Never raises, and never blocks unless telemetry was started lossless.

    Args:
        features: What the model saw, by name; copied now.
        score: Binary: probability of the positive class; multiclass: of the decided one.
        label: The decided class; kept as text.
        value: The predicted number of a regression.
        scores: Probability of each class.
        model: The model that predicted; the one telemetry was started with when left out.
        positive: Binary: whether the decision was the positive class.
        prediction_id: The caller's id; a new one when left out.
        entity_id: What the prediction is about, say a customer; only its hash leaves the process.
        features_source: `store`, or `fallback` when features had to be replaced.
        variant: `champion`, or `shadow`.
        duration_seconds: Time that the model call alone took.
        timestamp: When it was predicted, a datetime or nanoseconds since the epoch; now when left out.

    Returns:
        The prediction's id, to be given to whoever will know the true label.
    """
    identifier = ""
    try:
        moment, moment_replaced = moment_or_now(timestamp)
        identifier, id_changed = ("", False) if prediction_id is None else identifier_text(prediction_id)
        identifier = identifier or new_prediction_id(moment)
        telemetry = current()
        if telemetry is None:
            warn_not_running("prediction")
            return identifier
        encoder = FeatureBody(telemetry.feature_names)
        body = encoder.encode(features, scores)
        usable = usable_model(model, telemetry.model)
        if model is not None and usable is not model:
            encoder.mark("model:replaced")
        identity = telemetry.identities.find(usable, variant, features_source)
        values: dict[str, Any] = {attributes.PREDICTION_ID: identifier}
        _add_outcome(values, encoder, score=score, value=value, label=label, positive=positive)
        span = trace.get_current_span()
        _mark_span(span, values, identity)
        if duration_seconds is not None:
            _add_number(values, encoder, attributes.PREDICTION_DURATION, duration_seconds)
        if entity_id is not None:
            _add_entity(values, encoder, telemetry.entity_hash.of(plain_text(entity_id)))
        if moment_replaced:
            encoder.mark("timestamp:replaced")
        if id_changed:
            encoder.mark(f"{attributes.PREDICTION_ID}:text")
        for mark in identity.marks:
            encoder.mark(mark)
        if encoder.marks:
            values[attributes.TRUNCATED] = tuple(encoder.marks)
        # Counted before it can be dropped: completeness compares this count with what is stored.
        telemetry.tallies.predictions.add(identity.counted, at_ns=moment)
        _measure(identity, values, telemetry.instruments.exemplar(span))
        telemetry.events.emit(attributes.PREDICTION_EVENT, moment, values, body, span=span, identity=identity)
    except Exception:
        report_fault("record_prediction")
    return identifier or new_prediction_id()


def _add_number(values: dict[str, Any], encoder: FeatureBody, name: str, given: Any) -> None:
    number = as_number(given)
    if number is None:
        encoder.mark(f"{name}:not-a-number")
    else:
        values[name] = number


def _add_entity(values: dict[str, Any], encoder: FeatureBody, hashed: str | None) -> None:
    if hashed is None:
        encoder.mark(f"{attributes.ENTITY_ID}:no-salt")
    else:
        values[attributes.ENTITY_ID] = hashed


def _add_outcome(
    values: dict[str, Any], encoder: FeatureBody, *, score: Any, value: Any, label: Any, positive: Any
) -> None:
    if score is not None:
        _add_number(values, encoder, attributes.PREDICTION_SCORE, score)
    if value is not None:
        _add_number(values, encoder, attributes.PREDICTION_VALUE, value)
    if label is not None:
        values[attributes.PREDICTION_LABEL], cut = label_text(label)
        if cut:
            encoder.mark(f"{attributes.PREDICTION_LABEL}:text")
    if positive is not None:
        try:
            values[attributes.PREDICTION_POSITIVE] = bool(positive)
        except Exception:
            encoder.mark(f"{attributes.PREDICTION_POSITIVE}:not-a-boolean")


def _mark_span(span: Span, values: Mapping[str, Any], identity: Identity) -> None:
    """Put the ids on the current span; of a batch, the first prediction's and how many there were."""
    if not span.is_recording():
        return
    # The plain dict inside, where there is one: the mapping around it raises and catches for each name it lacks.
    held = getattr(span, "_attributes", None)
    present: Mapping[str, Any] = getattr(held, "_dict", None) or getattr(span, "attributes", None) or {}
    if attributes.PREDICTION_ID not in present:
        set_clean_attributes(span, {**values, **identity.attributes})
    else:
        span.set_attribute(attributes.BATCH_SIZE, int(present.get(attributes.BATCH_SIZE, 1)) + 1)


def _measure(identity: Identity, values: Mapping[str, Any], exemplar: SpanContext | None) -> None:
    points = identity.points
    if (score := values.get(attributes.PREDICTION_SCORE)) is not None:
        points.score.record(score, exemplar)
    if (seconds := values.get(attributes.PREDICTION_DURATION)) is not None:
        points.duration.record(seconds, exemplar)
    if identity.fallback:
        points.fallbacks.add()
