"""The rollups: minutes, computed from deduplicated raw rows, and quarters of an hour, merged from minutes."""

from dataclasses import dataclass, replace
from typing import Final

from services.monitoring_api.maintenance.computation import BUCKETS, COMPUTED_AT, MINUTES_WITHIN, WITHIN, Computation
from services.monitoring_api.maintenance.finished import DURATIONS, SCORES, finished
from services.monitoring_api.maintenance.outcomes import DAYS, JOINED, QUARTERS
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.local_days import DAY_SECONDS
from services.monitoring_api.queries.plan import MINUTE_SECONDS, QUARTER_SECONDS
from services.monitoring_api.queries.source import Source
from services.monitoring_api.queries.sources import ERRORS, OUTCOMES, PREDICTIONS, REQUESTS, STATUS_CLASS
from services.monitoring_api.queries.synthetic import REAL

_REQUESTS: Final = f"""INSERT INTO rollup_requests_1m
    (Minute, ServiceName, HttpRoute, StatusClass, Requests, Errors, DurationSum, DurationMax, DurationP50, DurationP95,
    DurationP99, DurationSketch, ComputedAt)
SELECT
    Minute, ServiceName, HttpRoute, {STATUS_CLASS} AS Class, count(), countIf({ERRORS}), sum(Duration) / 1e9,
    max(Duration) / 1e9, quantileExact(0.5)(Duration / 1e9), quantileExact(0.95)(Duration / 1e9),
    quantileExact(0.99)(Duration / 1e9), {sketch.DURATION_STATE}, {COMPUTED_AT}
FROM otel_traces FINAL
WHERE SpanKind = 'Server'
    AND Minute IN {BUCKETS}
    AND {WITHIN}
GROUP BY Minute, ServiceName, HttpRoute, Class"""  # noqa: S608  (constants of ours)

_PREDICTIONS: Final = f"""INSERT INTO rollup_predictions_1m
    (Minute, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource, Predictions, Positives, Judged, Scored,
    ScoreSum, ScoreP50, ScoreP95, ScoreSketch, ComputedAt)
SELECT
    toStartOfMinute(toDateTime(Timestamp, 'UTC')) AS At, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource,
    count(), countIf(Positive), count(Positive), count(Score), sum(ifNull(Score, 0)),
    if(count(Score) = 0, NULL, quantileExact(0.5)(Score)), if(count(Score) = 0, NULL, quantileExact(0.95)(Score)),
    {sketch.SCORE_STATE}, {COMPUTED_AT}
FROM predictions
WHERE toStartOfMinute(toDateTime(Timestamp, 'UTC')) IN {BUCKETS}
    AND {WITHIN}
    AND {REAL}
GROUP BY At, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource"""  # noqa: S608  (constants of ours)


_REQUEST_QUARTERS: Final = f"""INSERT INTO rollup_requests_15m
    (Minute, ServiceName, HttpRoute, StatusClass, Requests, Errors, DurationSum, DurationMax, DurationSketch,
    ComputedAt)
SELECT
    toStartOfFifteenMinutes(Minute) AS Quarter, ServiceName, HttpRoute, StatusClass, sum(Requests), sum(Errors),
    sum(DurationSum), max(DurationMax), {sketch.merged_state("DurationSketch")}, {COMPUTED_AT}
FROM rollup_requests_1m FINAL
WHERE toStartOfFifteenMinutes(Minute) IN {BUCKETS}
    AND {MINUTES_WITHIN}
GROUP BY Quarter, ServiceName, HttpRoute, StatusClass"""  # noqa: S608  (constants of ours)

_PREDICTION_QUARTERS: Final = f"""INSERT INTO rollup_predictions_15m
    (Minute, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource, Predictions, Positives, Judged, Scored,
    ScoreSum, ScoreSketch, ComputedAt)
SELECT
    toStartOfFifteenMinutes(Minute) AS Quarter, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource,
    sum(Predictions), sum(Positives), sum(Judged), sum(Scored), sum(ScoreSum), {sketch.merged_state("ScoreSketch")},
    {COMPUTED_AT}
FROM rollup_predictions_1m FINAL
WHERE toStartOfFifteenMinutes(Minute) IN {BUCKETS}
    AND {MINUTES_WITHIN}
GROUP BY Quarter, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource"""  # noqa: S608  (constants of ours)


@dataclass(frozen=True, slots=True)
class Tier:
    """Buckets of one length of one source.

    Args:
        kinds: What their marks are called.
        made_of: The table that they are computed from.
        seconds: How long they are.
        computations: What is computed when one is dirty, in this order.
        next_kind: What marks of the next tier's buckets are called, which are dirty then; None where there is no next.
        next_seconds: How long those are.
    """

    kinds: tuple[str, ...]
    made_of: str
    seconds: int
    computations: tuple[Computation, ...]
    next_kind: str | None = None
    next_seconds: int = 0


def _tiers(source: Source, raw: str, *, minutes: str, quarters: str, counted: str, sketched: str) -> tuple[Tier, Tier]:
    rollup = source.rolled_up
    percentiles = DURATIONS if sketched.startswith("Duration") else SCORES
    finished_minutes, finished_quarters = (
        finished(source, table=table, seconds=seconds, counted=counted, sketched=sketched, percentiles=percentiles)
        for table, seconds in ((rollup.table, MINUTE_SECONDS), (rollup.longer, QUARTER_SECONDS))
    )
    return (
        Tier(
            (rollup.kind,),
            raw,
            MINUTE_SECONDS,
            (Computation(rollup.table, MINUTE_SECONDS, minutes), finished_minutes),
            rollup.longer_kind,
            QUARTER_SECONDS,
        ),
        Tier(
            (rollup.longer_kind, rollup.unfinished_kind),
            rollup.table,
            QUARTER_SECONDS,
            # The minutes' too, for those from before there was a finished table.
            (Computation(rollup.longer, QUARTER_SECONDS, quarters), finished_minutes, finished_quarters),
        ),
    )


REQUESTS_1M, REQUESTS_15M = _tiers(
    REQUESTS,
    "otel_traces",
    minutes=_REQUESTS,
    quarters=_REQUEST_QUARTERS,
    counted="Requests",
    sketched="DurationSketch",
)
_PREDICTIONS_1M, _PREDICTIONS_15M = _tiers(
    PREDICTIONS,
    "predictions_data",
    minutes=_PREDICTIONS,
    quarters=_PREDICTION_QUARTERS,
    counted="Scored",
    sketched="ScoreSketch",
)

# Predictions are joined with labels as their minutes are computed. Quarters that are over, or that labels came for, are
# summed up together, once for both.
_OUTCOMES: Final = OUTCOMES.rolled_up
PREDICTIONS_1M: Final = replace(_PREDICTIONS_1M, computations=(*_PREDICTIONS_1M.computations, JOINED))
PREDICTIONS_15M: Final = replace(_PREDICTIONS_15M, next_kind=_OUTCOMES.kind, next_seconds=QUARTER_SECONDS)
OUTCOMES_15M: Final = Tier(
    (_OUTCOMES.kind,), "outcomes_data", QUARTER_SECONDS, (QUARTERS,), _OUTCOMES.longer_kind, DAY_SECONDS
)
OUTCOMES_1D: Final = Tier((_OUTCOMES.longer_kind,), "outcomes_data", DAY_SECONDS, (DAYS,))
