"""Every metric there is. Adding one is one entry in `CATALOGUE`."""

from collections.abc import Mapping
from typing import Any, Final

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.metric import Kind, Metric
from services.monitoring_api.queries.performance_metrics import PERFORMANCE
from services.monitoring_api.queries.slow_requests import slow_requests
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.sources import (
    COMPLETENESS,
    ERRORS,
    INGEST,
    PREDICTIONS,
    REQUESTS,
    SECONDS_TO_ARRIVE,
)


def _quantile(level: float, column: str, *, state: str, rollup: str, finished: str) -> Measure:
    return Measure(
        "quantile",
        finished=f"{finished}P{level * 100:.0f}",
        raw=state,
        merge=sketch.merged_quantile(level),
        rollup=sketch.merged_state(rollup),
        exact=f"quantileExact({level})({column})",
        error_bound=sketch.ERROR,
    )


def _duration(level: float) -> Measure:
    return _quantile(level, "Duration / 1e9", state=sketch.DURATION_STATE, rollup="DurationSketch", finished="Duration")


def _score(level: float) -> Measure:
    return _quantile(level, "Score", state=sketch.SCORE_STATE, rollup="ScoreSketch", finished="Score")


_requests = Measure("events", "count()", rollup="sum(Requests)", finished="Requests")
_errors = Measure("errors", f"countIf({ERRORS})", rollup="sum(Errors)")
_seconds_taken = Measure("seconds_taken", "sum(Duration) / 1e9", rollup="sum(DurationSum)")
_predictions = Measure("events", "count()", rollup="sum(Predictions)")
_scored = Measure("scored", "count(Score)", rollup="sum(Scored)", finished="Scored")
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
            _duration(level),
            _requests,
        )
        for level in sketch.LEVELS
    ),
    # L = lambda W: J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", Operations Research 9(3), 1961,
    # https://doi.org/10.1287/opre.9.3.383. Rate times mean duration is the sum of durations by the time they came in.
    Metric(
        "concurrency_mean",
        "1",
        "Requests in flight on average: all they took by the seconds passed; each counts where it started.",
        Kind.RATE,
        REQUESTS,
        _seconds_taken,
        _requests,
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
            _score(level),
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
    *PERFORMANCE,
)

CATALOGUE: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _ENTRIES}


def find_metric(name: str) -> Metric:
    """The metric of that name; besides those of the catalogue, one for each threshold (see `slow_requests`).

    Raises:
        BadInput: Naming ``metric``, when there is none.
    """
    metric = CATALOGUE.get(name) or slow_requests(name)
    if metric is None:
        raise bad_field("metric", f"unknown; there are {', '.join(CATALOGUE)}, and slow_ratio_300ms for any threshold")
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
