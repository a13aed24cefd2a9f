"""Which processes are heard, and which fell silent."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.timerange import NANOSECONDS, rfc3339
from sightglass.attributes import ENDED_METRIC, HEARTBEAT_METRIC

# Processes export at least every 10 s; two of these may be lost or late.
_UP_SECONDS: Final = 30
_LOOKBACK_SECONDS: Final = 86_400
_COLLECTOR_UPTIME: Final = ("otelcol_process_uptime", "otelcol_process_uptime_total")

_PROCESSES: Final = """SELECT ServiceName, ServiceInstanceId, toUnixTimestamp(max(TimeUnix))
FROM
(
    SELECT ServiceName, ServiceInstanceId, TimeUnix
    FROM otel_metrics_gauge
    WHERE MetricName IN {names:Array(String)}
        AND TimeUnix >= toDateTime({start:UInt32}, 'UTC')
        AND TimeUnix <= toDateTime({end:UInt32}, 'UTC')
    UNION ALL
    SELECT ServiceName, ServiceInstanceId, TimeUnix
    FROM otel_metrics_sum
    WHERE MetricName IN {names:Array(String)}
        AND TimeUnix >= toDateTime({start:UInt32}, 'UTC')
        AND TimeUnix <= toDateTime({end:UInt32}, 'UTC')
)
WHERE ServiceInstanceId NOT IN
(
    SELECT ServiceInstanceId
    FROM otel_metrics_gauge
    WHERE MetricName = {ended:String}
        AND TimeUnix >= toDateTime({start:UInt32}, 'UTC')
        AND TimeUnix <= toDateTime({end:UInt32}, 'UTC')
)
GROUP BY ServiceName, ServiceInstanceId
ORDER BY ServiceName, max(TimeUnix) DESC, ServiceInstanceId"""


class ProcessRow(NamedTuple):
    """One process's last sign of life."""

    name: str
    instance: str
    last_seen: int

    def is_up(self, now_seconds: float) -> bool:
        """Whether it was heard lately."""
        return now_seconds - self.last_seen <= _UP_SECONDS


def processes_query(now_seconds: int) -> Query:
    """Every process heard within a day, but for those that ended in order."""
    return Query(
        _PROCESSES,
        {
            "names": [HEARTBEAT_METRIC, *_COLLECTOR_UPTIME],
            "ended": ENDED_METRIC,
            "start": max(0, now_seconds - _LOOKBACK_SECONDS),
            "end": now_seconds + _UP_SECONDS,
        },
    )


def process_rows(rows: Sequence[Sequence[Any]], now_seconds: int) -> list[ProcessRow]:
    """Those that matter of the answer to `processes_query`: all that are up, and the last of a service that has none.

    A service's earlier instances fell silent because they were replaced.
    """
    by_name: dict[str, list[ProcessRow]] = {}
    for name, instance, last_seen in rows:
        by_name.setdefault(str(name), []).append(ProcessRow(str(name), str(instance), int(last_seen)))
    return [
        process
        for instances in by_name.values()
        for process in [each for each in instances if each.is_up(now_seconds)] or instances[:1]
    ]


def processes_document(rows: Sequence[ProcessRow], now_seconds: int) -> list[dict[str, str]]:
    """Processes as a part of the answer."""
    return [
        {
            "name": row.name,
            "instance": row.instance,
            "state": "up" if row.is_up(now_seconds) else "silent",
            "last_seen": rfc3339(row.last_seen * NANOSECONDS),
        }
        for row in rows
    ]
