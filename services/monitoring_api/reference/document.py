"""A reference as it is stored: what serving is compared with."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["binary", "multiclass", "regression", ""]


class _Part(BaseModel):
    # A card has more than is compared with.
    model_config = ConfigDict(frozen=True, extra="ignore")


class FeatureReference(_Part):
    """One input and how it was distributed."""

    name: str
    type: Literal["category", "number"]
    null_share: float = Field(ge=0, le=1)
    categories: dict[str, float] | None = None
    """Category -> share of all rows, the most common ones."""
    other_share: float = 0.0
    """Share of the rows whose category is not listed."""
    quantiles: list[float] | None = None
    """0 %, 1 %, ... 100 % of the finite values."""
    mean: float | None = None
    standard_deviation: float | None = None


class ScoreReference(_Part):
    """The scores (of a regression: the predicted values)."""

    quantiles: list[float]
    mean: float | None = None
    standard_deviation: float | None = None
    positive_ratio: float | None = None
    """Share of the rows that were decided for the positive class, where somebody said."""


class LabelReference(_Part):
    """The true labels: shares of the classes, or quantiles of what was measured."""

    missing_share: float = Field(default=0.0, ge=0, le=1)
    classes: dict[str, float] | None = None
    """Class -> share of the rows that have a label."""
    quantiles: list[float] | None = None
    mean: float | None = None
    standard_deviation: float | None = None


class Finding(_Part):
    """Something about the file that whoever trains on it should know."""

    kind: Literal["constant", "empty", "nulls", "infinite", "id", "copy", "duplicates", "leakage", "left_out"]
    column: str | None = None
    message: str


class Source(_Part):
    """What a reference is made from."""

    kind: Literal["card", "file"]
    file: str = ""
    sha256: str = ""
    sampled_rows: int | None = None
    """How many rows, drawn uniformly, quantiles are from; None: all."""


class Reference(_Part):
    """How one model's features, scores and labels were distributed."""

    model: str = Field(min_length=1)
    version: str = ""
    """Empty: of every version that has no reference of its own."""
    task: Task = ""
    rows: int = Field(ge=1)
    source: Source
    features: list[FeatureReference]
    scores: ScoreReference | None = None
    labels: LabelReference | None = None
    findings: list[Finding] = []
    score_edges: list[float] = Field(default=[], exclude=True)
    """Where scores are cut into bins: in a column of its own, not in the document."""


def of_card(card: Mapping[str, Any]) -> Reference:
    """The reference that a model card holds.

    Args:
        card: The card as JSON: name, version, task, labels, positive_label, features, training, scores.

    Raises:
        pydantic.ValidationError: It is no such card.
    """
    training = card.get("training") or {}
    scores = card.get("scores") or None
    return Reference.model_validate(
        {
            "model": card.get("name"),
            "version": card.get("version"),
            "task": card.get("task"),
            "rows": training.get("rows"),
            "source": {"kind": "card", "file": training.get("data", "")},
            "features": card.get("features"),
            "scores": scores,
            "labels": _labels_of_card(card, training.get("positive_share")),
            "score_edges": (scores or {}).get("bins") or [],
        }
    )


def _labels_of_card(card: Mapping[str, Any], positive_share: float | None) -> dict[str, Any] | None:
    positive = card.get("positive_label")
    others = [label for label in card.get("labels", []) if label != positive]
    if positive is None or positive_share is None or len(others) != 1:
        return None
    return {"classes": {positive: positive_share, others[0]: 1.0 - positive_share}}
