"""Answers about models, in the shapes of `/api/v1/models`."""

from datetime import datetime
from typing import Any

from pydantic import Field

from dashboard.answers import Answer


class SeenPart(Answer):
    """What there is of a version or a variant of a model."""

    first_seen: datetime
    last_seen: datetime
    predictions: int
    labels: int
    label_coverage: float


class SeenVersion(SeenPart):
    """A version of a model."""

    version: str
    reference: bool = False


class SeenVariant(SeenPart):
    """A variant of a model."""

    variant: str


class Model(SeenPart):
    """A model that made predictions in a range."""

    name: str
    task: str
    reference: bool = False
    versions: tuple[SeenVersion, ...] = ()
    variants: tuple[SeenVariant, ...] = ()
    services: tuple[str, ...] = ()


class Models(Answer):
    """The models of a range."""

    models: tuple[Model, ...] = ()
    truncated: bool = False

    def named(self, name: str) -> Model | None:
        """The model of that name, if it predicted in the range."""
        return next((model for model in self.models if model.name == name), None)


class Figure(Answer):
    """A figure with its 95 % interval, and the labelled predictions that it rests on."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str | None = None


class Part(Answer):
    """Figures of some predictions, and whether their labels have come."""

    mature: bool = True
    expected_coverage_now: float | None = None
    expected_coverage_finally: float | None = None
    immature_because: str | None = None
    predictions: int = 0
    labels: int = 0
    label_coverage: float | None = None
    metrics: dict[str, Figure] = Field(default_factory=dict)
    classes: dict[str, dict[str, Figure]] | None = None


class Bucket(Part):
    """Figures of a stretch of time that begins at `time`, in epoch seconds."""

    time: float


class SegmentName(Answer):
    """What a segment is: `kind` is value, range, null, nonfinite, missing or other."""

    field: str
    kind: str
    value: Any = None
    start: float | None = Field(default=None, alias="from")
    end: float | None = Field(default=None, alias="to")


class Segment(Part):
    """Figures of a segment."""

    segment: SegmentName


class ReliabilityBin(Answer):
    """Predictions of similar scores: their mean score, and which share of them is of the positive class."""

    score: float
    share: float
    low: float | None = None
    high: float | None = None
    n: int
    start: float = Field(alias="from")
    end: float = Field(alias="to")


class Reliability(Answer):
    """A reliability curve."""

    binning: str
    n: int = 0
    bins: tuple[ReliabilityBin, ...] = ()
    reason: str | None = None


class Confusion(Answer):
    """For each class that was true, how many were decided to be of each."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n: int


class Threshold(Answer):
    """What deciding by a threshold would have given."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float | None = None
    recall: float | None = None

    def cost(self, false_positive: float, false_negative: float) -> float:
        """What the wrong decisions cost, by what one of each kind costs."""
        return false_positive * self.false_positives + false_negative * self.false_negatives


class Thresholds(Answer):
    """What deciding by other thresholds would have given."""

    n: int = 0
    points: tuple[Threshold, ...] = ()
    chosen: Threshold | None = None
    reason: str | None = None

    def at(self, threshold: float) -> Threshold | None:
        """The answer for a threshold, if it was given."""
        known = [*self.points, *([self.chosen] if self.chosen else [])]
        return next((point for point in known if abs(point.threshold - threshold) < 1e-9), None)  # noqa: PLR2004


class Maturing(Answer):
    """What is known of how labels come."""

    rule: str = ""
    mature_after_seconds: float | None = None
    predictions: int = 0
    labels: int = 0


class Performance(Part):
    """How a model did, as far as labels tell."""

    model: str
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    step_seconds: float = 0
    task: str | None = None
    left_out: dict[str, int] = Field(default_factory=dict)
    maturity: Maturing = Field(default_factory=Maturing)
    series: tuple[Bucket, ...] = ()
    segments: tuple[Segment, ...] | None = None
    reliability: tuple[Reliability, ...] = ()
    confusion: Confusion | None = None
    thresholds: Thresholds | None = None
    source: str = ""
    approximate: bool = False
    error_bound: float = 0


class FeatureReference(Answer):
    """One input and how it was distributed when the model was trained."""

    name: str
    type: str
    null_share: float = 0
    categories: dict[str, float] | None = None
    other_share: float = 0
    quantiles: tuple[float, ...] | None = None
    mean: float | None = None
    standard_deviation: float | None = None


class Reference(Answer):
    """What a model is compared with; of every version where `version` is None."""

    model: str
    version: str | None = None
    created_at: datetime
    task: str = ""
    rows: int
    features: tuple[FeatureReference, ...] = ()

    def named(self, feature: str) -> FeatureReference | None:
        """The reference of one feature, if it has one."""
        return next((one for one in self.features if one.name == feature), None)


class Promotion(Answer):
    """What answers now, and what did before."""

    name: str
    active: str
    previous: str | None = None
