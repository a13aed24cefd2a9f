"""The rollups and the statements that compute a minute of them from deduplicated raw rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Query
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.plan import MINUTE_SECONDS
from services.monitoring_api.queries.source import Rollup, Source
from services.monitoring_api.queries.sources import ERRORS, PREDICTIONS, REQUESTS, STATUS_CLASS
from services.monitoring_api.queries.synthetic import REAL

_MINUTES: Final = "{minutes:Array(DateTime('UTC'))}"
_WITHIN: Final = """Timestamp >= toDateTime({first:UInt32}, 'UTC')
    AND Timestamp < toDateTime({end:UInt32}, 'UTC')"""

_REQUESTS: Final = f"""INSERT INTO rollup_requests_1m
    (Minute, ServiceName, HttpRoute, StatusClass, Requests, Errors, DurationSum, DurationMax, DurationP50, DurationP95,
    DurationP99, DurationSketch, ComputedAt)
SELECT
    Minute, ServiceName, HttpRoute, {STATUS_CLASS} AS Class, count(), countIf({ERRORS}), sum(Duration) / 1e9,
    max(Duration) / 1e9, quantileExact(0.5)(Duration / 1e9), quantileExact(0.95)(Duration / 1e9),
    quantileExact(0.99)(Duration / 1e9), {sketch.DURATION_STATE}, fromUnixTimestamp64Micro({{computed_us:Int64}}, 'UTC')
FROM otel_traces FINAL
WHERE SpanKind = 'Server'
    AND Minute IN {_MINUTES}
    AND {_WITHIN}
GROUP BY Minute, ServiceName, HttpRoute, Class"""  # noqa: S608  (constants of ours)

_PREDICTIONS: Final = f"""INSERT INTO rollup_predictions_1m
    (Minute, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource, Predictions, Positives, Judged, Scored,
    ScoreSum, ScoreP50, ScoreP95, ScoreSketch, ComputedAt)
SELECT
    toStartOfMinute(toDateTime(Timestamp, 'UTC')) AS At, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource,
    count(), countIf(Positive), count(Positive), count(Score), sum(ifNull(Score, 0)),
    if(count(Score) = 0, NULL, quantileExact(0.5)(Score)), if(count(Score) = 0, NULL, quantileExact(0.95)(Score)),
    {sketch.SCORE_STATE}, fromUnixTimestamp64Micro({{computed_us:Int64}}, 'UTC')
FROM predictions
WHERE toStartOfMinute(toDateTime(Timestamp, 'UTC')) IN {_MINUTES}
    AND {_WITHIN}
    AND {REAL}
GROUP BY At, ServiceName, ModelName, ModelVersion, Variant, FeaturesSource"""  # noqa: S608  (constants of ours)


@dataclass(frozen=True, slots=True)
class Recomputation:
    """How one rollup is computed.

    Args:
        rollup: Its table and what its marks are called.
        compute: SQL that computes minutes and inserts them.
    """

    rollup: Rollup
    compute: str

    def compute_query(self, minutes: Sequence[int], computed_us: int) -> Query:
        """Compute minutes (starts in epoch seconds) and insert them as of a time in microseconds."""
        return Query(
            self.compute,
            {
                "minutes": list(minutes),
                "first": min(minutes),
                "end": max(minutes) + MINUTE_SECONDS,
                "computed_us": computed_us,
            },
        )

    def leftovers_query(self, minutes: Sequence[int], computed_us: int) -> Query:
        """How many groups of these minutes were there before but were not computed now."""
        counted = f"SELECT count()\nFROM {self.rollup.table} FINAL\nWHERE {_LEFT_OVER}"
        return Query(counted, _left(minutes, computed_us))

    def clear_query(self, minutes: Sequence[int], computed_us: int) -> Query:
        """Delete what `leftovers_query` counts."""
        deleted = f"DELETE FROM {self.rollup.table}\nWHERE {_LEFT_OVER}"  # noqa: S608  (constants of ours)
        return Query(deleted, _left(minutes, computed_us))


_LEFT_OVER: Final = f"""Minute IN {_MINUTES}
    AND ComputedAt < fromUnixTimestamp64Micro({{computed_us:Int64}}, 'UTC')"""


def _left(minutes: Sequence[int], computed_us: int) -> dict[str, object]:
    return {"minutes": list(minutes), "computed_us": computed_us}


def _rollup(source: Source) -> Rollup:
    if source.rollup is None:
        raise TypeError(source.name)
    return source.rollup


REQUESTS_1M: Final = Recomputation(_rollup(REQUESTS), _REQUESTS)
PREDICTIONS_1M: Final = Recomputation(_rollup(PREDICTIONS), _PREDICTIONS)
