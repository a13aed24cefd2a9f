"""How much of each signal comes in, by service and minute of its own time (so what is replayed does not count)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query

_HOUR_MINUTES: Final = 60
# Enough to tell how long rows are and how many values attributes have, few enough to look at each.
_SAMPLE_ROWS: Final = 100_000
_RATE_MINUTES: Final = 5


@dataclass(frozen=True, slots=True)
class SignalTable:
    """Where rows of a signal are.

    Args:
        signal: Which signal.
        table: The table.
        minute: SQL for a row's minute that the primary key or an index knows.
        attributes: Its maps of attributes, with what is put before their keys.
    """

    signal: str
    table: str
    minute: str
    attributes: tuple[tuple[str, str], ...]

    def within(self) -> str:
        """SQL for the rows of whole minutes, from ``{start:UInt32}`` to before ``{end:UInt32}``."""
        start, end = "toDateTime({start:UInt32}, 'UTC')", "toDateTime({end:UInt32}, 'UTC')"
        return f"{self.minute} >= {start} AND {self.minute} < {end}"


_METRIC: Final = (("", "Attributes"), ("resource.", "ResourceAttributes"))
SIGNALS: Final = (
    SignalTable("spans", "otel_traces", "Minute", (("", "SpanAttributes"), ("resource.", "ResourceAttributes"))),
    SignalTable("logs", "otel_logs", "Minute", (("", "LogAttributes"), ("resource.", "ResourceAttributes"))),
    SignalTable("metrics", "otel_metrics_sum", "TimeUnix", _METRIC),
    SignalTable("metrics", "otel_metrics_gauge", "TimeUnix", _METRIC),
    SignalTable("metrics", "otel_metrics_histogram", "TimeUnix", _METRIC),
    SignalTable("metrics", "otel_metrics_exponential_histogram", "TimeUnix", _METRIC),
    SignalTable("metrics", "otel_metrics_summary", "TimeUnix", _METRIC),
)


class VolumeRow(NamedTuple):
    """One minute of one service in one table."""

    table: str
    service: str
    minute: int
    rows: int


class Minutes(NamedTuple):
    """Whole minutes, in epoch seconds; empty when both are the same."""

    start: int
    end: int


def volume_query(now_seconds: int) -> Query:
    """Rows by table, service and minute of the last hour's whole minutes."""
    parts = "\n    UNION ALL\n".join(
        f"""    SELECT '{each.table}' AS Name, ServiceName, toStartOfMinute({each.minute}) AS At, count() AS Rows
    FROM {each.table}
    WHERE {each.within()}
    GROUP BY ServiceName, At"""  # noqa: S608  (constants of ours)
        for each in SIGNALS
    )
    end = now_seconds // 60 * 60
    sql = f"SELECT Name, ServiceName, toUnixTimestamp(At), Rows\nFROM\n(\n{parts}\n)\nORDER BY Name, ServiceName, At"
    return Query(sql, {"start": max(0, end - _HOUR_MINUTES * 60), "end": end})


def volume_rows(rows: Sequence[Sequence[Any]]) -> list[VolumeRow]:
    """Read the answer to `volume_query`."""
    return [VolumeRow(str(table), str(service), int(minute), int(count)) for table, service, minute, count in rows]


def recent(rows: Iterable[VolumeRow], now_seconds: int) -> dict[tuple[str, str], float]:
    """Rows per second over the last minutes, by table and service."""
    end = now_seconds // 60 * 60
    start = end - _RATE_MINUTES * 60
    rates: dict[tuple[str, str], float] = {}
    for row in rows:
        if row.minute >= start:
            key = (row.table, row.service)
            rates[key] = rates.get(key, 0.0) + row.rows / (end - start)
    return rates


def sample(rows: Iterable[VolumeRow], table: str, now_seconds: int) -> Minutes:
    """The last minutes of a table that hold rows enough, an hour at most; empty when there are none."""
    by_minute: dict[int, int] = {}
    for row in rows:
        if row.table == table:
            by_minute[row.minute] = by_minute.get(row.minute, 0) + row.rows
    seen, start, end = 0, 0, now_seconds // 60 * 60
    for minute in sorted(by_minute, reverse=True):
        start, seen = minute, seen + by_minute[minute]
        if seen >= _SAMPLE_ROWS:
            break
    return Minutes(start, end) if seen else Minutes(end, end)
