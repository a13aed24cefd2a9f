"""Every metric there is. Adding one is one entry in `CATALOGUE`."""

from collections.abc import Mapping
from typing import Any, Final

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.metric import Kind, Metric
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.sources import (
    COMPLETENESS,
    INGEST,
    LABELLED_PREDICTIONS,
    PREDICTIONS,
    REQUESTS,
    SECONDS_TO_ARRIVE,
)

# DDSketch: every quantile is within this relative error (Masson, Rim, Lee: DDSketch, VLDB 2019).
_SKETCH_ERROR: Final = 0.01
_SKETCH_LEVELS: Final = (0.5, 0.95, 0.99)
_SKETCH: Final = f"quantilesDD{{}}({_SKETCH_ERROR}, {', '.join(map(str, _SKETCH_LEVELS))})"
_SECONDS: Final = "Duration / 1e9"


def _quantile(level: float, column: str, rollup: str) -> Measure:
    merged = f"{_SKETCH.format('Merge')}({{}})[{_SKETCH_LEVELS.index(level) + 1}]"
    return Measure(
        "quantile",
        raw=f"{_SKETCH.format('State')}({column})",
        merge=merged,
        rollup=f"{_SKETCH.format('MergeState')}({rollup})",
        exact=f"quantileExact({level})({column})",
        error_bound=_SKETCH_ERROR,
    )


_requests = Measure("events", "count()", rollup="sum(Requests)")
_errors = Measure("errors", "countIf(HttpStatusCode >= 500 OR StatusCode = 'Error')", rollup="sum(Errors)")
_predictions = Measure("events", "count()", rollup="sum(Predictions)")
_scored = Measure("scored", "count(Score)", rollup="sum(Scored)")
_score_sum = Measure("score_sum", "sum(Score)", rollup="sum(ScoreSum)")
_judged = Measure("judged", "count(Positive)", rollup="sum(Judged)")
_positives = Measure("positives", "countIf(Positive)", rollup="sum(Positives)")
_fallbacks = Measure(
    "fallbacks", "countIf(FeaturesSource = 'fallback')", rollup="sumIf(Predictions, FeaturesSource = 'fallback')"
)

_ENTRIES: Final = (
    Metric("request_rate", "1/s", "Requests answered per second.", Kind.RATE, REQUESTS, _requests, _requests),
    Metric(
        "error_ratio",
        "1",
        "Share of requests that failed on the server's side.",
        Kind.RATIO,
        REQUESTS,
        _errors,
        _requests,
    ),
    *(
        Metric(
            f"latency_p{level * 100:.0f}",
            "s",
            f"Time that {level:.0%} of requests stay below.",
            Kind.QUANTILE,
            REQUESTS,
            _quantile(level, _SECONDS, "DurationSketch"),
            _requests,
        )
        for level in _SKETCH_LEVELS
    ),
    Metric(
        "prediction_rate", "1/s", "Predictions made per second.", Kind.RATE, PREDICTIONS, _predictions, _predictions
    ),
    Metric("score_mean", "1", "Mean score of the predictions.", Kind.MEAN, PREDICTIONS, _score_sum, _scored),
    *(
        Metric(
            f"score_p{level * 100:.0f}",
            "1",
            f"Score that {level:.0%} of predictions stay below.",
            Kind.QUANTILE,
            PREDICTIONS,
            _quantile(level, "Score", "ScoreSketch"),
            _scored,
        )
        for level in (0.5, 0.95)
    ),
    Metric(
        "positive_ratio",
        "1",
        "Share of predictions that decide for the positive class.",
        Kind.RATIO,
        PREDICTIONS,
        _positives,
        _judged,
    ),
    Metric(
        "fallback_ratio",
        "1",
        "Share of predictions made from fallback features.",
        Kind.RATIO,
        PREDICTIONS,
        _fallbacks,
        _predictions,
    ),
    Metric(
        "ingest_lag_p95",
        "s",
        "Time from a span's end to its storage that 95% of spans stay below.",
        Kind.QUANTILE,
        INGEST,
        Measure("quantile", f"quantileExact(0.95)({SECONDS_TO_ARRIVE})"),
        Measure("events", "count()"),
    ),
    Metric(
        "completeness",
        "1",
        "Share of what processes counted (spans, predictions, labels) that is stored.",
        Kind.RATIO,
        COMPLETENESS,
        Measure("stored", "sum(Stored)"),
        Measure("counted", "sum(Counted)"),
        most=1.0,
    ),
    Metric(
        "label_coverage",
        "1",
        "Share of predictions for which a label has come.",
        Kind.RATIO,
        LABELLED_PREDICTIONS,
        Measure("labelled", "countIf(Labelled)"),
        _predictions,
    ),
)

CATALOGUE: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _ENTRIES}


def find_metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        BadInput: Naming ``metric``, when there is none.
    """
    metric = CATALOGUE.get(name)
    if metric is None:
        raise bad_field("metric", f"unknown; there are {', '.join(CATALOGUE)}")
    return metric


def described() -> list[dict[str, Any]]:
    """The catalogue as an answer."""
    return [
        {
            "name": metric.name,
            "unit": metric.unit,
            "description": metric.description,
            "kind": metric.kind.value,
            "group_by": list(metric.source.dimensions),
            "filters": list(metric.source.dimensions),
        }
        for metric in CATALOGUE.values()
    ]
