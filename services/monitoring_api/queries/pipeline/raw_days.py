"""Days of raw rows, as they lie on the disk: what can be dropped whole."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query

# Tables whose partitions are days of raw telemetry. Predictions, labels and rollups are none of these.
RAW_TABLES: Final = (
    "otel_traces",
    "otel_logs",
    "otel_metrics_gauge",
    "otel_metrics_sum",
    "otel_metrics_histogram",
    "otel_metrics_exponential_histogram",
    "otel_metrics_summary",
)

# On a cluster rows are in `<name>_local`.
_RAW_DAYS: Final = """SELECT
    replaceRegexpOne(table, '_local$', '') AS Name, table, partition_id, sum(rows), sum(bytes_on_disk)
FROM system.parts
WHERE active
    AND database = currentDatabase()
    AND Name IN {tables:Array(String)}
GROUP BY Name, table, partition_id
ORDER BY partition_id, sum(bytes_on_disk) DESC, Name"""


class RawDay(NamedTuple):
    """One day of one table.

    Args:
        table: Its name, as people know it.
        stored_in: The table that stores the rows.
        day: Which day (UTC).
        rows: How many rows, duplicates included until they are merged.
        size: Bytes on the disk.
    """

    table: str
    stored_in: str
    day: date
    rows: int
    size: int

    @property
    def partition(self) -> str:
        """What ClickHouse calls the partition."""
        return self.day.strftime("%Y%m%d")


def raw_days_query() -> Query:
    """Every day of every raw table, the oldest first and of a day the largest first."""
    return Query(_RAW_DAYS, {"tables": list(RAW_TABLES)})


def raw_days(rows: Sequence[Sequence[Any]]) -> list[RawDay]:
    """Read the answer to `raw_days_query`."""
    return [
        RawDay(str(name), str(table), _day(str(partition)), int(count), int(size))
        for name, table, partition, count, size in rows
    ]


def droppable(days: Sequence[RawDay], now: datetime) -> list[RawDay]:
    """Those before today (UTC), in their order: today's are never dropped."""
    today = now.astimezone(UTC).date()
    return [each for each in days if each.day < today]


def _day(partition: str) -> date:
    return datetime.strptime(partition, "%Y%m%d").replace(tzinfo=UTC).date()
