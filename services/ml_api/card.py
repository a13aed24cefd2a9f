"""The card beside a model: everything about it that is not a weight."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

VERSION_LENGTH = 12


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardFeature(_Part):
    """One input: its meaning and how it was distributed in training."""

    name: str
    type: Literal["category", "number"]
    source: Literal["request", "weather"]
    description: str
    unit: str
    null_share: float
    categories: dict[str, float] | None = None
    """Category -> share of the training rows; a category not listed is unknown to the model."""
    quantiles: list[float] | None = None
    """0 %, 1 %, ... 100 % of the training values that are not null."""
    mean: float | None = None
    standard_deviation: float | None = None


class ScoreDistribution(_Part):
    """The scores of the training rows: what serving is compared with."""

    quantiles: list[float]
    mean: float
    positive_ratio: float
    bins: list[float] | None = None
    """Where scores are cut into bins: up to 4,096 distinct quantiles, ascending; a bin begins at its edge. None in an
    older card."""


class TrainingWindow(_Part):
    """Which rows the model saw."""

    start: str
    end: str
    rows: int
    positive_share: float
    data: str


class MonthMetrics(_Part):
    """How the model does in a month it never saw."""

    rows: int
    positive_share: float
    mean_score: float
    roc_auc: float
    log_loss: float
    brier: float


class ModelCard(_Part):
    """The card, as stored in ``card.json``; the version is the hash of the model file and everything else in here."""

    name: str
    version: str
    task: Literal["binary"]
    description: str
    labels: list[str]
    positive_label: str
    threshold: float
    threshold_reason: str
    features: list[CardFeature]
    fallback: dict[str, dict[str, float | None]]
    """origin -> weather assumed when the hour is missing: medians of the training window."""
    training: TrainingWindow
    scores: ScoreDistribution
    metrics: dict[str, MonthMetrics]
    """Month (``2013-10``) -> metrics."""
    software: dict[str, str]

    def with_version(self, model_bytes: bytes) -> "ModelCard":
        """This card with the version that its content and `model_bytes` amount to."""
        return self.model_copy(update={"version": content_version(self, model_bytes)})


def content_version(card: ModelCard, model_bytes: bytes) -> str:
    """The first 12 hex digits of SHA-256 over the model file and the card without its version."""
    content: dict[str, Any] = card.model_dump(mode="json", exclude={"version"})
    if card.scores.bins is None:
        del content["scores"]["bins"]  # what is not in an older card is not in its version either
    digest = hashlib.sha256(model_bytes)
    digest.update(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    return digest.hexdigest()[:VERSION_LENGTH]
