"""The answer about a model's performance."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from services.monitoring_api.queries.maturity import MATURE_SHARE, Maturity
from services.monitoring_api.queries.performance.calibration import Reliability
from services.monitoring_api.queries.performance.curves import Matrix, ThresholdCurve, ThresholdPoint
from services.monitoring_api.queries.performance.figure import Figure
from services.monitoring_api.queries.performance_report import Part, PerformanceQuestion, Report
from services.monitoring_api.queries.timerange import rfc3339


class FigureDocument(BaseModel):
    """A figure."""

    value: float | None = Field(examples=[0.83])
    low: float | None = Field(description="Lower end of its 95 % interval.", examples=[0.81])
    high: float | None = Field(description="Upper end.", examples=[0.85])
    n: int = Field(description="How many labelled predictions it rests on.", examples=[1200])
    reason: str | None = Field(description="Why there is no value.")


class ExpectedDocument(BaseModel):
    """Whether labels have come."""

    mature: bool = Field(description="Whether nearly all labels have come that ever will; if not, don't trust figures.")
    expected_coverage_now: float | None = Field(description="The label coverage to be expected by now.")
    expected_coverage_finally: float | None = Field(description="And in the end.")
    immature_because: str | None


class PartDocument(ExpectedDocument):
    """Figures of some predictions."""

    predictions: int
    labels: int = Field(description="How many of them have a label.")
    label_coverage: float | None
    metrics: dict[str, FigureDocument]
    classes: dict[str, dict[str, FigureDocument]] | None = Field(
        description="Of a multi-class model, by class (against all others)."
    )


class BucketDocument(PartDocument):
    """Figures of a bucket."""

    time: int = Field(description="When it begins, in epoch seconds.", examples=[1795428000])


class SegmentName(BaseModel):
    """What a segment is."""

    field: str = Field(examples=["distance"])
    kind: str = Field(description="value, range, null, nonfinite, missing, or other (all further values together).")
    value: Any = Field(description="Of a value: with its type.", examples=["UA"])
    start: float | None = Field(serialization_alias="from", description="Of a range: inclusive; null: all below.")
    end: float | None = Field(serialization_alias="to", description="Of a range: exclusive; null: all above.")


class SegmentDocument(PartDocument):
    """Figures of a segment."""

    segment: SegmentName


class LearnedDocument(BaseModel):
    """What is known of how labels come."""

    rule: str
    source: str = Field(description="How the curve was made, and from what.")
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    predictions: int = Field(description="How many predictions it is learned from.")
    labels: int
    mature_after_seconds: float | None = Field(description="The age at which 95 % of the labels that come are there.")
    curve: list[tuple[float, float]] = Field(description="Age in seconds, and the share that has its label by then.")


class ReliabilityBin(BaseModel):
    """Predictions of similar scores."""

    score: float = Field(description="Their mean score.")
    share: float = Field(description="How large a part of them is of the positive class.")
    low: float | None = Field(description="Lower end of that part's 95 % interval.")
    high: float | None = Field(description="Upper end.")
    n: int
    start: float = Field(serialization_alias="from", description="Their least score.")
    end: float = Field(serialization_alias="to", description="Their greatest score.")


class ReliabilityDocument(BaseModel):
    """A reliability curve: well calibrated scores lie on the diagonal."""

    binning: str = Field(description="equal_mass or equal_width, ten bins.", examples=["equal_mass"])
    n: int
    bins: list[ReliabilityBin]
    reason: str | None


class ConfusionDocument(BaseModel):
    """Decisions against labels."""

    classes: list[str] = Field(examples=[["late", "on_time"]])
    counts: list[list[int]] = Field(description="For each class that was true, how many were decided to be of each.")
    n: int


class ThresholdDocument(BaseModel):
    """What deciding by a threshold would give: positive where the score is as high, or higher."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float | None
    recall: float | None
    cost: float = Field(description="Of the wrong decisions, by `cost_false_positive` and `cost_false_negative`.")


class ThresholdsDocument(BaseModel):
    """What deciding by other thresholds would give."""

    n: int
    points: list[ThresholdDocument]
    cheapest: ThresholdDocument | None = Field(description="The threshold that costs least, of those in `points`.")
    chosen: ThresholdDocument | None = Field(description="The one that was asked for.")
    reason: str | None


class PerformanceDocument(PartDocument):
    """How a model did."""

    model: str = Field(examples=["flight-delay"])
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    as_of: str | None
    step_seconds: int
    task: str | None = Field(description="binary, multiclass or regression; null without predictions.")
    left_out: dict[str, int] = Field(description="Predictions of other tasks under the same name, which do not count.")
    maturity: LearnedDocument
    series: list[BucketDocument]
    segments: list[SegmentDocument] | None
    reliability: list[ReliabilityDocument] = Field(description="Binary: by both binnings.")
    confusion: ConfusionDocument | None
    thresholds: ThresholdsDocument | None
    source: str = Field(description="What the figures come from.", examples=["joined"])
    approximate: bool
    error_bound: float = Field(description="The largest relative error of a figure.")


def performance_document(name: str, question: PerformanceQuestion, report: Report) -> PerformanceDocument:
    """A report as an answer."""
    span, as_of_ns = question.outcomes.span, question.outcomes.as_of_ns
    segmenting = question.segmenting
    matrix, curve = report.curves.confusion, report.curves.thresholds
    return PerformanceDocument(
        model=name,
        start=rfc3339(span.start_ns),
        end=rfc3339(span.end_ns),
        as_of=None if as_of_ns is None else rfc3339(as_of_ns),
        step_seconds=question.buckets.step.seconds,
        task=report.task,
        left_out=dict(report.left_out),
        maturity=_learned(report),
        series=[
            BucketDocument(time=part.bucket.start, **_part(part)) for part in report.series if part.bucket is not None
        ],
        segments=None
        if report.segments is None or segmenting is None
        else [_segment(segmenting.name, part) for part in report.segments],
        reliability=[_reliability(curve) for curve in report.curves.reliability],
        confusion=None if matrix is None else _confusion(matrix),
        thresholds=None if curve is None else _thresholds(curve, question.threshold),
        source=report.source,
        approximate=report.error_bound > 0,
        error_bound=report.error_bound,
        **_part(report.whole),
    )


def _reliability(curve: Reliability) -> ReliabilityDocument:
    return ReliabilityDocument(
        binning=curve.binning,
        n=curve.n,
        bins=[
            ReliabilityBin(
                score=point.score,
                share=point.share,
                low=point.low,
                high=point.high,
                n=point.n,
                start=point.from_score,
                end=point.to_score,
            )
            for point in curve.points
        ],
        reason=curve.reason,
    )


def _confusion(matrix: Matrix) -> ConfusionDocument:
    return ConfusionDocument(classes=list(matrix.classes), counts=[list(row) for row in matrix.counts], n=matrix.n)


def _thresholds(curve: ThresholdCurve, chosen: float | None) -> ThresholdsDocument:
    points = {point.threshold: _point(point) for point in curve.points}
    cheapest = curve.cheapest()
    return ThresholdsDocument(
        n=curve.n,
        points=list(points.values()),
        cheapest=None if cheapest is None else points[cheapest.threshold],
        chosen=None if chosen is None else points.get(chosen),
        reason=curve.reason,
    )


def _point(point: ThresholdPoint) -> ThresholdDocument:
    return ThresholdDocument(
        threshold=point.threshold,
        true_positives=point.counts.tp,
        false_positives=point.counts.fp,
        false_negatives=point.counts.fn,
        true_negatives=point.counts.tn,
        precision=point.precision.value,
        recall=point.recall.value,
        cost=point.cost,
    )


def _segment(name: str, part: Part) -> SegmentDocument:
    segment = part.segment
    if segment is None:
        raise ValueError("a part that is no segment")
    told = SegmentName(field=name, kind=segment.kind, value=segment.value, start=segment.start, end=segment.end)
    return SegmentDocument(segment=told, **_part(part))


def _part(part: Part) -> dict[str, Any]:
    measured = part.measured
    classes = {name: _figures(figures) for name, figures in measured.classes.items()}
    return {
        "predictions": measured.predictions,
        "labels": measured.labels,
        "label_coverage": measured.labels / measured.predictions if measured.predictions else None,
        "metrics": _figures(measured.figures),
        "classes": classes or None,
        **_expected(part.maturity),
    }


def _expected(ripeness: Maturity) -> dict[str, Any]:
    return {
        "mature": ripeness.mature,
        "expected_coverage_now": ripeness.expected_now,
        "expected_coverage_finally": ripeness.expected_finally,
        "immature_because": ripeness.reason,
    }


def _figures(figures: Mapping[str, Figure]) -> dict[str, FigureDocument]:
    return {
        name: FigureDocument(value=each.value, low=each.low, high=each.high, n=each.n, reason=each.reason)
        for name, each in sorted(figures.items())
    }


def _learned(report: Report) -> LearnedDocument:
    learned = report.learned
    curve = learned.curve
    return LearnedDocument(
        rule=f"mature when {MATURE_SHARE:.0%} of the labels are to be there that are ever to be expected",
        source="life-table estimate of the time from a prediction to its first label, from all versions and variants",
        start=rfc3339(learned.span.start_ns),
        end=rfc3339(learned.span.end_ns),
        predictions=0 if curve is None else curve.predictions,
        labels=0 if curve is None else curve.labels,
        mature_after_seconds=None if curve is None or not curve.is_settled else curve.mature_seconds,
        curve=[] if curve is None else list(curve.points),
    )
