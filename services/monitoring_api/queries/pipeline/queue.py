"""How full the Collector's durable queue is."""

from collections.abc import Sequence
from typing import Any, Final

from services.monitoring_api.database import Query
from services.monitoring_api.queries.timerange import TimeRange

_SIZE: Final = "otelcol_exporter_queue_size"
_CAPACITY: Final = "otelcol_exporter_queue_capacity"

# The signals' queues lie in one folder but count apart: the fullest is what matters.
_QUEUE: Final = """SELECT argMax(Size, Size / greatest(Capacity, 1)), argMax(Capacity, Size / greatest(Capacity, 1))
FROM
(
    SELECT
        argMaxIf(Value, TimeUnix, MetricName = {size:String}) AS Size,
        argMaxIf(Value, TimeUnix, MetricName = {capacity:String}) AS Capacity
    FROM
    (
        SELECT ServiceInstanceId, Attributes, MetricName, TimeUnix, Value
        FROM otel_metrics_gauge
        WHERE MetricName IN ({size:String}, {capacity:String})
            AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
            AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
        UNION ALL
        SELECT ServiceInstanceId, Attributes, MetricName, TimeUnix, Value
        FROM otel_metrics_sum
        WHERE MetricName IN ({size:String}, {capacity:String})
            AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
            AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
    )
    GROUP BY ServiceInstanceId, Attributes
)
HAVING count() > 0"""


def queue_query(span: TimeRange) -> Query:
    """Size and capacity of the fullest queue, as last exported in a range; no row when nothing was."""
    return Query(_QUEUE, {"size": _SIZE, "capacity": _CAPACITY, "start_ns": span.start_ns, "end_ns": span.end_ns})


def queue_document(rows: Sequence[Sequence[Any]]) -> dict[str, int] | None:
    """The queue as a part of the answer."""
    return {"size": int(rows[0][0]), "capacity": int(rows[0][1])} if rows else None
