"""How much counters grew in a range, each by the process that counted."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from sightglass.attributes import SIGNAL, SPAN_COUNT_METRIC

# How far back the last export before a range is looked for: after an outage it may be long ago.
_BASELINE_SECONDS: Final = 86_400
# What a process exports from its first collection on, whatever it has to tell: the library's, and the Collector's.
_SIGNS_OF_LIFE: Final = (SPAN_COUNT_METRIC, "otelcol_process_uptime", "otelcol_process_uptime_total")

# A counter's growth is its last value less the one it had before the range. It had 0 if its process began meanwhile, or
# was heard before without it: a counter appears with its first count. Times are cut to the second, so that two exports
# may share one; of a counter's values the greatest is the last.
_GROWTH: Final = """SELECT
    ServiceName, Instance, Name, ErrorType, ExportSignal, toInt64(round(sum(greatest(Latest - Before, 0)))) AS Growth
FROM
(
    SELECT
        counters.ServiceName AS ServiceName, counters.Instance AS Instance, Name, ErrorType, ExportSignal, Latest,
        multiIf(
            First < fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC'), LastBefore,
            StartedAt >= fromUnixTimestamp64Nano({baseline_ns:Int64}, 'UTC'), 0,
            toUnixTimestamp(HeardAt) > 0 AND HeardAt < First, 0,
            Least
        ) AS Before
    FROM
    (
        SELECT
            ServiceName, ServiceInstanceId AS Instance, replaceRegexpOne(MetricName, '_total$|__[a-z]+__$', '') AS Name,
            Attributes['error.type'] AS ErrorType, Attributes[{signal_key:String}] AS ExportSignal,
            min(TimeUnix) AS First, min(StartTimeUnix) AS StartedAt, max(Value) AS Latest, min(Value) AS Least,
            maxIf(Value, TimeUnix < fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')) AS LastBefore
        FROM otel_metrics_sum
        WHERE (
                (MetricName IN {with_error:Array(String)} AND Attributes['error.type'] != '')
                OR replaceRegexpOne(MetricName, '_total$|__[a-z]+__$', '') IN {names:Array(String)}
            )
            AND TimeUnix >= fromUnixTimestamp64Nano({baseline_ns:Int64}, 'UTC')
            AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
        GROUP BY ServiceName, Instance, Name, ScopeName, Attributes
        HAVING max(TimeUnix) >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    ) AS counters
    LEFT JOIN
    (
        SELECT ServiceName, ServiceInstanceId AS Instance, min(TimeUnix) AS HeardAt
        FROM otel_metrics_sum
        WHERE MetricName IN {signs:Array(String)}
            AND TimeUnix >= fromUnixTimestamp64Nano({baseline_ns:Int64}, 'UTC')
            AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
        GROUP BY ServiceName, Instance
    ) AS processes
    ON counters.ServiceName = processes.ServiceName
        AND counters.Instance = processes.Instance
)
GROUP BY ServiceName, Instance, Name, ErrorType, ExportSignal
HAVING Growth > 0
ORDER BY ServiceName, Instance, Name, ErrorType, ExportSignal"""


class GrowthRow(NamedTuple):
    """By how much one process's counter grew.

    Args:
        service: Whose process.
        instance: Which process: its `service.instance.id`.
        name: The metric's, without a unit that an exporter appended.
        error_type: Its attribute `error.type`, or nothing.
        signal: Its attribute `signal`, or nothing.
        growth: By how much.
    """

    service: str
    instance: str
    name: str
    error_type: str
    signal: str
    growth: int


def growth_query(span: TimeRange, names: Sequence[str], with_error: Sequence[str] = ()) -> Query:
    """What grew in a range.

    Args:
        span: The range.
        names: Metrics that count nothing else.
        with_error: Metrics of which only what has an `error.type` counts.
    """
    return Query(
        _GROWTH,
        {
            "start_ns": span.start_ns,
            "end_ns": span.end_ns,
            "baseline_ns": max(0, span.start_ns - _BASELINE_SECONDS * NANOSECONDS),
            "names": list(names),
            "with_error": list(with_error),
            "signs": list(_SIGNS_OF_LIFE),
            "signal_key": SIGNAL,
        },
    )


def growth_rows(rows: Sequence[Sequence[Any]]) -> list[GrowthRow]:
    """Read the answer to `growth_query`."""
    return [
        GrowthRow(str(service), str(instance), str(name), str(error_type), str(signal), int(count))
        for service, instance, name, error_type, signal, count in rows
    ]
