"""How many log records there are over time, by how severe they are: each record once."""

from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.logs import LogSelection
from services.monitoring_api.queries.severity import SEVERITY, severity_name
from services.monitoring_api.queries.stored_time import WITHIN, within

UNKNOWN: Final = "UNKNOWN"
SEVERITIES: Final = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", UNKNOWN)
"""As they are named in an answer, the most severe first."""


@dataclass(frozen=True, slots=True)
class LogVolume:
    """Records by time and severity.

    Args:
        buckets: The time buckets.
        counts: For each severity that occurs, the number of records of every bucket.
    """

    buckets: Buckets
    counts: dict[str, list[int]]


def log_volume_query(selection: LogSelection, buckets: Buckets) -> Query:
    """Time bucket, first number of the severity and records."""
    conditions = "\n    AND ".join([*WITHIN, *selection.conditions()])
    # Texts of ours; what people give is bound.
    sql = f"""SELECT
    {buckets.expression("Timestamp")} AS Bucket,
    intDiv({SEVERITY} + 3, 4) AS Level,
    count()
FROM otel_logs FINAL
WHERE {conditions}
GROUP BY Bucket, Level
ORDER BY Bucket, Level"""  # noqa: S608
    return Query(sql, {**selection.parameters(), **within(buckets.span), **buckets.parameters()})


async def log_volume(database: Database, selection: LogSelection, buckets: Buckets) -> LogVolume:
    """Count the records of every bucket; those without any are 0."""
    rows = await database.fetch(log_volume_query(selection, buckets))
    places = {bucket.key: place for place, bucket in enumerate(buckets.all())}
    counts: dict[str, list[int]] = {}
    for key, level, count in rows:
        # The levels are four numbers each: 1 to 4 are TRACE, and so on.
        name = severity_name(int(level) * 4) or UNKNOWN
        counts.setdefault(name, [0] * len(places))[places[int(key)]] += int(count)
    return LogVolume(buckets, {name: counts[name] for name in SEVERITIES if name in counts})
