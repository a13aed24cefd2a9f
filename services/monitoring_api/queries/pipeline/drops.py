"""What was lost, and where: counted by those who lost it.

A process counts what its full queues dropped (the SDK's own metrics) and what it gave up exporting (the library's). The
Collector counts what it could not queue or was refused for good. Lost metrics are left out: counters are cumulative, so
the next export says it all again.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from sightglass.attributes import (
    FAILED_EXPORT_METRIC,
    SDK_LOGS_PROCESSED_METRIC,
    SDK_SPANS_PROCESSED_METRIC,
    SIGNAL,
)

# How far back the last export before a range is looked for: after an outage it may be long ago.
_BASELINE_SECONDS: Final = 86_400
_SDK: Final = {SDK_SPANS_PROCESSED_METRIC: "spans", SDK_LOGS_PROCESSED_METRIC: "logs"}
_COLLECTOR: Final = {
    f"otelcol_exporter_{verb}_failed_{noun}": (signal, reason)
    for verb, reason in (("send", "refused"), ("enqueue", "queue_full"))
    for noun, signal in (("spans", "spans"), ("log_records", "logs"))
}

# A counter's growth is its last value less the one it had before the range; a process that began within it had 0.
_DROPS: Final = """SELECT ServiceName, Name, Reason, ExportSignal, toInt64(round(sum(greatest(Latest - Before, 0))))
FROM
(
    SELECT
        ServiceName, replaceRegexpOne(MetricName, '_total$|__[a-z]+__$', '') AS Name,
        Attributes['error.type'] AS Reason, Attributes[{signal_key:String}] AS ExportSignal,
        argMax(Value, TimeUnix) AS Latest,
        multiIf(
            min(TimeUnix) < fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC'),
            argMaxIf(Value, TimeUnix, TimeUnix < fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')),
            min(StartTimeUnix) >= fromUnixTimestamp64Nano({baseline_ns:Int64}, 'UTC'), 0,
            argMin(Value, TimeUnix)
        ) AS Before
    FROM otel_metrics_sum
    WHERE (
            (MetricName IN {sdk:Array(String)} AND Attributes['error.type'] != '')
            OR (MetricName = {failed:String} AND Attributes[{signal_key:String}] != 'metrics')
            OR replaceRegexpOne(MetricName, '_total$|__[a-z]+__$', '') IN {collector:Array(String)}
        )
        AND TimeUnix >= fromUnixTimestamp64Nano({baseline_ns:Int64}, 'UTC')
        AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
    GROUP BY ServiceName, ServiceInstanceId, Name, ScopeName, Attributes
    HAVING max(TimeUnix) >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
)
GROUP BY ServiceName, Name, Reason, ExportSignal
HAVING sum(greatest(Latest - Before, 0)) > 0
ORDER BY ServiceName, Name, Reason, ExportSignal"""


class DropRow(NamedTuple):
    """What one service lost for one reason."""

    service: str
    signal: str
    stage: str
    reason: str
    lost: int


def drops_query(span: TimeRange) -> Query:
    """What was lost in a range."""
    return Query(
        _DROPS,
        {
            "start_ns": span.start_ns,
            "end_ns": span.end_ns,
            "baseline_ns": max(0, span.start_ns - _BASELINE_SECONDS * NANOSECONDS),
            "sdk": list(_SDK),
            "failed": FAILED_EXPORT_METRIC,
            "signal_key": SIGNAL,
            "collector": list(_COLLECTOR),
        },
    )


def drop_rows(rows: Sequence[Sequence[Any]]) -> list[DropRow]:
    """Read the answer to `drops_query`."""
    return [
        _drop(str(service), str(name), str(reason), str(signal), int(count))
        for service, name, reason, signal, count in rows
    ]


def _drop(service: str, name: str, reason: str, export_signal: str, count: int) -> DropRow:
    if name in _SDK:
        return DropRow(service, _SDK[name], "sdk", reason, count)
    if name in _COLLECTOR:
        signal, why = _COLLECTOR[name]
        return DropRow(service, signal, "collector", why, count)
    return DropRow(service, export_signal, "sdk", "export_failed", count)


def drops_document(rows: Sequence[DropRow]) -> list[dict[str, Any]]:
    """Drops as a part of the answer."""
    return [
        {"service": row.service, "signal": row.signal, "stage": row.stage, "reason": row.reason, "count": row.lost}
        for row in rows
    ]
