"""What became of predictions: their rows joined with labels, and what is summed up of them by quarter and by day."""

from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.maintenance.computation import BUCKETS, COMPUTED_AT, MINUTES_WITHIN, WITHIN, Computation
from services.monitoring_api.maintenance.label_marks import TAKEN
from services.monitoring_api.maintenance.marks import clock_query
from services.monitoring_api.queries.class_measures import KEPT_TALLIES
from services.monitoring_api.queries.local_days import DAY_SECONDS
from services.monitoring_api.queries.outcome_measures import SPREAD, SUMS
from services.monitoring_api.queries.outcomes import COLUMNS, JOINED_ROWS, PREPARED_ROWS
from services.monitoring_api.queries.pieces import EVER_US
from services.monitoring_api.queries.plan import MINUTE_SECONDS, QUARTER_SECONDS
from services.monitoring_api.queries.score_histogram import COUNTS, binned
from services.monitoring_api.queries.sources import OUTCOMES
from services.monitoring_api.queries.synthetic import REAL

_MINUTE: Final = "toStartOfMinute(toDateTime(Timestamp, 'UTC'))"
QUARTER: Final = "toStartOfFifteenMinutes({})"
DAY: Final = "toStartOfDay({}, 'UTC')"
DIMENSIONS: Final = "ServiceName, ModelName, ModelVersion, Variant, FeaturesSource"


def now_joined(when: str) -> str:
    """SQL after FROM: predictions with the labels that there are now."""
    return JOINED_ROWS.replace("{when}", when).replace("{as_of_us:Int64}", f"toInt64({EVER_US})")


def _insert(when: str) -> str:
    return f"""INSERT INTO outcomes_data
    (Minute, {COLUMNS}, ComputedAt)
SELECT {_MINUTE}, {COLUMNS}, {COMPUTED_AT}
FROM {now_joined(when)}"""  # noqa: S608  (constants of ours)


def _summed(table: str, bucket: str, rows: str = PREPARED_ROWS, **columns: str) -> str:
    """Sums of buckets, from rows that were joined."""
    when = f"{bucket.format('Minute')} IN {BUCKETS} AND {MINUTES_WITHIN}"
    figures = {**SUMS, "TruthSpread": SPREAD, "ClassTallies": KEPT_TALLIES, **columns}
    return f"""INSERT INTO {table}
    (Minute, {DIMENSIONS}, {", ".join(figures)}, ComputedAt)
SELECT
    {bucket.format(_MINUTE)} AS Bucket, {DIMENSIONS}, {", ".join(figures.values())}, {COMPUTED_AT}
FROM {rows.replace("{when}", when)}
GROUP BY Bucket, {DIMENSIONS}"""  # noqa: S608  (constants of ours)


_TABLE: Final = "outcomes_data"
_ROLLUP: Final = OUTCOMES.rolled_up

# Of whole minutes, when these are computed.
JOINED: Final = Computation(_TABLE, MINUTE_SECONDS, _insert(f"{_MINUTE} IN {BUCKETS} AND {WITHIN} AND {REAL}"))
QUARTERS: Final = Computation(_ROLLUP.table, QUARTER_SECONDS, _summed(_ROLLUP.table, QUARTER))
DAYS: Final = Computation(
    _ROLLUP.longer,
    DAY_SECONDS,
    _summed(_ROLLUP.longer, DAY, rows=binned(PREPARED_ROWS), ScoreCounts=COUNTS, BinsAt="max(BinsAt)"),
)

_OF_PREDICTIONS: Final = f"{TAKEN} AND {REAL}"
_MARK_QUARTERS: Final = f"""INSERT INTO rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), '{_ROLLUP.kind}', Quarter
FROM
(
    SELECT DISTINCT {QUARTER.format(_MINUTE)} AS Quarter
    FROM predictions_data
    WHERE {_OF_PREDICTIONS}
)"""  # noqa: S608  (constants of ours)


async def join_labels(database: Database, batch: str) -> None:
    """Join predictions anew, for which labels came, and mark their quarters of an hour.

    The marks of the labels must go only after that: until then readers take these quarters raw.

    Args:
        database: Where, as a user who may write.
        batch: The labels' marks that were taken.
    """
    ((computed_us,),) = await database.fetch(clock_query())
    await database.execute(Query(_insert(_OF_PREDICTIONS), {"batch": batch, "computed_us": int(computed_us)}))
    await database.execute(Query(_MARK_QUARTERS, {"batch": batch}))
