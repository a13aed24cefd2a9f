"""Answers about predictions, in the shapes of `/api/v1/predictions`."""

from datetime import datetime
from typing import Any

from pydantic import Field

from dashboard.answers import Answer


class FoundPrediction(Answer):
    """A prediction in a list."""

    prediction_id: str
    timestamp: datetime
    model: str
    version: str = ""
    variant: str = ""
    task: str = ""
    label: str | None = None
    score: float | None = None
    value: float | None = None
    label_value: str | None = None
    label_arrived_at: datetime | None = None
    correct: bool | None = None
    features_source: str = ""
    entity_id: str | None = None
    service: str = ""
    trace_id: str | None = None


class PredictionPage(Answer):
    """A page of predictions, newest first."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    predictions: tuple[FoundPrediction, ...] = ()
    next_cursor: str | None = None


class PredictingModel(Answer):
    """Which version of which model decided."""

    name: str
    version: str = ""


class LabelVersion(Answer):
    """One version of a prediction's label."""

    value: str
    observed_at: datetime
    arrived_at: datetime


class Decision(Answer):
    """What one version of a model made of one request."""

    timestamp: datetime
    model: PredictingModel
    variant: str = ""
    task: str = ""
    label: str | None = None
    score: float | None = None
    value: float | None = None
    correct: bool | None = None
    positive: bool | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    features: dict[str, Any] = Field(default_factory=dict)
    features_source: str = ""
    entity_id: str | None = None
    duration_seconds: float | None = None
    trace_id: str | None = None
    span_id: str | None = None
    service: str = ""
    replayed: bool = False


class Prediction(Decision):
    """One prediction, every version of its label, and what other variants answered under the same id."""

    prediction_id: str
    label_value: str | None = None
    label_observed_at: datetime | None = None
    label_arrived_at: datetime | None = None
    labels: tuple[LabelVersion, ...] = ()
    variants: tuple[Decision, ...] = ()
