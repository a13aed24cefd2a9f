"""One prediction: what was decided from what, and the labels that came for it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.timerange import rfc3339

_CHAMPION: Final = "champion"

_PREDICTIONS: Final = """SELECT
    toUnixTimestamp64Nano(Timestamp) AS At, ModelName, ModelVersion, Variant, Task, Label, Score, Value, Positive,
    Scores, Features, FeaturesNonfinite, FeaturesSource, EntityId, DurationSeconds, TraceId, SpanId, ServiceName,
    Replayed
FROM predictions
WHERE PredictionId = {prediction_id:String}
ORDER BY Variant = 'champion' DESC, At, ModelName, ModelVersion, Variant
LIMIT 100"""

_LABELS: Final = """SELECT Value, toUnixTimestamp64Nano(ObservedAt), toUnixTimestamp64Micro(ArrivedAt) * 1000
FROM labels
WHERE PredictionId = {prediction_id:String}
ORDER BY ObservedAt DESC, ArrivedAt DESC, Value DESC
LIMIT 100"""


class PredictionRow(NamedTuple):
    """A prediction as it is stored."""

    at_ns: int
    model: str
    model_version: str
    variant: str
    task: str
    label: str
    score: float | None
    value: float | None
    positive: bool | None
    scores: Mapping[str, float]
    features: str
    features_nonfinite: Mapping[str, str]
    features_source: str
    entity_id: str
    duration_seconds: float | None
    trace_id: str
    span_id: str
    service: str
    replayed: bool


class LabelRow(NamedTuple):
    """One version of a prediction's label."""

    value: str
    observed_at_ns: int
    arrived_at_ns: int


def prediction_query(prediction_id: str) -> Query:
    """Every prediction of that id, one for each model, version and variant; the champion's first."""
    return Query(_PREDICTIONS, {"prediction_id": prediction_id})


def labels_query(prediction_id: str) -> Query:
    """Every version of the prediction's label, the one that holds first; no row before one came."""
    return Query(_LABELS, {"prediction_id": prediction_id})


async def find_predictions(database: Database, prediction_id: str) -> list[PredictionRow]:
    """Every prediction of that id, the champion's first."""
    return [PredictionRow(*row) for row in await database.fetch(prediction_query(prediction_id))]


async def find_labels(database: Database, prediction_id: str) -> list[LabelRow]:
    """Every version of the prediction's label, the one that holds first: observed last, of those arrived last."""
    return [LabelRow(*row) for row in await database.fetch(labels_query(prediction_id))]


def prediction_document(
    prediction_id: str,
    rows: Sequence[PredictionRow],
    labels: Sequence[LabelRow],
    trace: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A prediction as an answer.

    Args:
        prediction_id: Its id.
        rows: At least one; the first is the one asked for, the rest its variants.
        labels: Every version of its label, the one that holds first; none before one came.
        trace: The trace it was made in, if that is stored.
    """
    label = labels[0] if labels else None
    return {
        "prediction_id": prediction_id,
        **_decision(rows[0], label),
        "label_value": None if label is None else label.value,
        "label_observed_at": None if label is None else rfc3339(label.observed_at_ns),
        "label_arrived_at": None if label is None else rfc3339(label.arrived_at_ns),
        "labels": [
            {
                "value": each.value,
                "observed_at": rfc3339(each.observed_at_ns),
                "arrived_at": rfc3339(each.arrived_at_ns),
            }
            for each in labels
        ],
        "variants": [_decision(row, label) for row in rows[1:]],
        "trace": trace,
    }


def _decision(row: PredictionRow, label: LabelRow | None) -> dict[str, Any]:
    return {
        "timestamp": rfc3339(row.at_ns),
        "model": {"name": row.model, "version": row.model_version},
        "variant": row.variant or _CHAMPION,
        "task": row.task,
        "label": row.label,
        "score": row.score,
        "value": row.value,
        "correct": _correct(row, label),
        "positive": None if row.positive is None else bool(row.positive),
        "scores": dict(row.scores),
        "features": _features(row),
        "features_source": row.features_source,
        "entity_id": row.entity_id or None,
        "duration_seconds": row.duration_seconds,
        "trace_id": row.trace_id or None,
        "span_id": row.span_id or None,
        "service": row.service,
        "replayed": bool(row.replayed),
    }


def _correct(row: PredictionRow, label: LabelRow | None) -> bool | None:
    """Whether the label is what was decided; a value that is measured is not simply right or wrong."""
    if label is None or row.task == "regression" or not row.label:
        return None
    return row.label == label.value


def _features(row: PredictionRow) -> dict[str, Any]:
    """The features with their types; NaN and the infinities, which JSON can't say, as strings."""
    try:
        features = json.loads(row.features) if row.features else {}
    except ValueError:
        features = {}
    return {**(features if isinstance(features, dict) else {}), **row.features_nonfinite}
