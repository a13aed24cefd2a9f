"""The streams that telemetry comes by: spans, and events, which travel as logs by a queue of their own."""

from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Query
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS
from sightglass.attributes import (
    LABEL_COUNT_METRIC,
    LABEL_EVENT,
    PREDICTION_COUNT_METRIC,
    PREDICTION_EVENT,
    REPLAYED,
    SPAN_COUNT_METRIC,
)

# How young the rows are that tell how long they take.
WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows that arrive in the order in which they were made, by and large.

    Args:
        table: Where they are.
        live: Which of them are its own, and not replayed with times that are past.
        late: SQL for how long one took to arrive, in nanoseconds.
        counters: What processes call the counts of what they made of them.
    """

    table: str
    live: str
    late: str
    counters: tuple[str, ...]


_ARRIVED: Final = "toUnixTimestamp64Nano(toDateTime64(ArrivedAt, 9)) - toUnixTimestamp64Nano(Timestamp)"

SPANS: Final = Stream("otel_traces", "NOT Replayed", f"{_ARRIVED} - toInt64(Duration)", (SPAN_COUNT_METRIC,))
# Predictions and labels.
EVENTS: Final = Stream(
    "otel_logs",
    f"EventName IN ('{PREDICTION_EVENT}', '{LABEL_EVENT}') AND lower(LogAttributes['{REPLAYED}']) NOT IN ('true', '1')",
    _ARRIVED,
    (PREDICTION_COUNT_METRIC, LABEL_COUNT_METRIC),
)

_ROWS: Final = f"""FROM {{table}}
WHERE Timestamp >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC'))
    AND {{live}}
    AND {REAL}
HAVING count() > 0"""

# Times of exports are cut to the second: an export of the same second as the newest row may or may not have counted it.
_COUNTED: Final = f"""SELECT toUnixTimestamp(min(BeforeAt)) * 1000000000
FROM
(
    SELECT
        lagInFrame(TimeUnix, 1, TimeUnix) OVER exports AS BeforeAt,
        Made - lagInFrame(Made, 1, Made) OVER exports AS Counted
    FROM
    (
        SELECT ServiceName, Instance, MetricName, TimeUnix, sum(Value) AS Made
        FROM
        (
            SELECT
                ServiceName, ServiceInstanceId AS Instance, MetricName, Attributes, TimeUnix, max(Value) AS Value
            FROM otel_metrics_sum
            WHERE MetricName IN {{counters:Array(String)}}
                AND TimeUnix >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
                AND TimeUnix <= fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
                AND Attributes['{REPLAYED}'] != 'true'
                AND {REAL}
            GROUP BY ServiceName, Instance, MetricName, Attributes, TimeUnix
        )
        GROUP BY ServiceName, Instance, MetricName, TimeUnix
    )
    WINDOW exports AS (
        PARTITION BY ServiceName, Instance, MetricName ORDER BY TimeUnix ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
    )
)
WHERE Counted > 0
    AND BeforeAt > fromUnixTimestamp64Nano({{newest_ns:Int64}}, 'UTC')
HAVING count() > 0"""  # noqa: S608  (a constant of ours)


def lag_query(stream: Stream, heard_ns: int) -> Query:
    """How long (nanoseconds) the last rows took to arrive, at the 99th percentile; no row when there were none."""
    sql = f"SELECT quantileExact(0.99)({stream.late})\n{_from(stream)}"
    return Query(sql, {"start_ns": heard_ns - WINDOW_SECONDS * NANOSECONDS, "end_ns": heard_ns})


def newest_query(stream: Stream, start_ns: int, end_ns: int) -> Query:
    """When the newest stored row of a range was made (nanoseconds); no row when there is none."""
    sql = f"SELECT toUnixTimestamp64Nano(max(Timestamp))\n{_from(stream)}"
    return Query(sql, {"start_ns": start_ns, "end_ns": end_ns})


def counted_query(stream: Stream, newest_ns: int, until_ns: int) -> Query:
    """The export (nanoseconds) after which processes first counted rows later than the newest one that is stored.

    No row when they counted none.
    """
    # The growth of an export is told by the one before it.
    start_ns = max(0, newest_ns - WINDOW_SECONDS * NANOSECONDS)
    given = {"start_ns": start_ns, "end_ns": until_ns, "newest_ns": newest_ns}
    return Query(_COUNTED, {**given, "counters": list(stream.counters)})


def _from(stream: Stream) -> str:
    return _ROWS.replace("{table}", stream.table).replace("{live}", stream.live)
