"""Completeness: what a process counted, against what is stored of it.

Each process exports cumulative counters of the spans, predictions and labels it made. Between two of its exports a
counter grows by as many as were made in between, so as many rows of that process must lie, by their own time, between
the same two moments. A row belongs to the first export at or after it. Comparing by ``service.instance.id`` keeps
restarts and several workers apart. What is replayed carries past times and is left out on both sides.

The store cuts the time of a metric's point to the second, so each process also exports the moment itself as a value;
without that the end of the second is taken.
"""

from typing import Final

from sightglass.attributes import (
    EXPORT_TIME_METRIC,
    LABEL_COUNT_METRIC,
    LABEL_EVENT,
    PREDICTION_COUNT_METRIC,
    REPLAYED,
    SPAN_COUNT_METRIC,
)

# Spans and events leave a process up to a second after its metrics, and then travel: younger exports are not judged.
SETTLE_SECONDS: Final = 15
# How long before a range its first export may have had its predecessor; exports come every 10 s at the latest.
_LOOKBACK_SECONDS: Final = 120

SIGNALS: Final = {SPAN_COUNT_METRIC: "spans", PREDICTION_COUNT_METRIC: "predictions", LABEL_COUNT_METRIC: "labels"}

_NAMES: Final = ", ".join(f"'{name}'" for name in SIGNALS)
_SIGNAL_NAMES: Final = ", ".join(f"'{signal}'" for signal in SIGNALS.values())
_FROM: Final = f"fromUnixTimestamp64Nano({{from_ns:Int64}} - {_LOOKBACK_SECONDS} * 1000000000, 'UTC')"
_TO: Final = "fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')"

# Every export of a counter: since when (nanoseconds) and by how much it grew.
_EXPORTS: Final = f"""
    SELECT
        ServiceName, Instance, Signal, AtNs, Value - lagInFrame(Value, 1, 0) OVER exports AS Counted,
        row_number() OVER exports > 1 OR StartedAt >= {_FROM} AS Known
    FROM
    (
        SELECT
            ServiceName, Instance, Signal, any(Moment) AS AtNs, sum(Value) AS Value, min(StartedAt) AS StartedAt
        FROM
        (
            SELECT
                points.ServiceName AS ServiceName, points.ServiceInstanceId AS Instance,
                transform(points.MetricName, [{_NAMES}], [{_SIGNAL_NAMES}], '') AS Signal, points.TimeUnix AS At,
                points.Attributes AS Attributes, max(points.Value) AS Value, min(points.StartTimeUnix) AS StartedAt,
                if(
                    max(moments.Seconds) > 0, toInt64(max(moments.Seconds) * 1e9),
                    (toInt64(toUnixTimestamp(At)) + 1) * 1000000000
                ) AS Moment
            FROM otel_metrics_sum AS points
            LEFT JOIN
            (
                SELECT ServiceName, ServiceInstanceId, TimeUnix, max(Value) AS Seconds
                FROM otel_metrics_gauge
                WHERE MetricName = '{EXPORT_TIME_METRIC}'
                    AND TimeUnix >= {_FROM}
                    AND TimeUnix < {_TO}
                GROUP BY ServiceName, ServiceInstanceId, TimeUnix
            ) AS moments
            ON points.ServiceName = moments.ServiceName
                AND points.ServiceInstanceId = moments.ServiceInstanceId
                AND points.TimeUnix = moments.TimeUnix
            WHERE points.MetricName IN ({_NAMES})
                AND points.TimeUnix >= {_FROM}
                AND points.TimeUnix < {_TO}
                AND points.Attributes['{REPLAYED}'] != 'true'
            GROUP BY ServiceName, Instance, Signal, At, Attributes
        )
        GROUP BY ServiceName, Instance, Signal, At
    )
    WINDOW exports AS (
        PARTITION BY ServiceName, Instance, Signal ORDER BY AtNs ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
"""  # noqa: S608  (constants of ours)

# Every stored row of what is counted, once, with its own time in nanoseconds: a span's is its end.
_STORED: Final = f"""
    SELECT
        ServiceName, ServiceInstanceId AS Instance, 'spans' AS Signal,
        toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS AtNs
    FROM otel_traces FINAL
    WHERE Timestamp >= {_FROM}
        AND Timestamp < {_TO}
        AND Minute >= toStartOfMinute({_FROM})
        AND NOT Replayed
    UNION ALL
    SELECT
        ServiceName, ServiceInstanceId AS Instance, 'predictions' AS Signal, toUnixTimestamp64Nano(Timestamp) AS AtNs
    FROM predictions
    WHERE Timestamp >= {_FROM}
        AND Timestamp < {_TO}
        AND NOT Replayed
    UNION ALL
    SELECT
        ServiceName, ResourceAttributes['service.instance.id'] AS Instance, 'labels' AS Signal,
        toUnixTimestamp64Nano(Timestamp) AS AtNs
    FROM otel_logs FINAL
    WHERE EventName = '{LABEL_EVENT}'
        AND Timestamp >= {_FROM}
        AND Timestamp < {_TO}
        AND Minute >= toStartOfMinute({_FROM})
        AND LogAttributes['{REPLAYED}'] != 'true'
"""  # noqa: S608  (constants of ours)

# One row per export of a counter within the range: how much it grew, and how many rows are stored for that growth.
EXPORTS_WITH_STORED: Final = f"""(
    SELECT
        exports.ServiceName AS ServiceName, exports.Signal AS Signal,
        fromUnixTimestamp64Nano(exports.AtNs, 'UTC') AS At, exports.Counted AS Counted, kept.Stored AS Stored
    FROM
    (
        SELECT ServiceName, Instance, Signal, AtNs, Counted
        FROM
        ({_EXPORTS})
        WHERE Known
            AND AtNs >= {{from_ns:Int64}}
    ) AS exports
    LEFT JOIN
    (
        SELECT
            stored.ServiceName AS ServiceName, stored.Instance AS Instance, stored.Signal AS Signal,
            ends.AtNs AS AtNs, count() AS Stored
        FROM
        ({_STORED}) AS stored
        ASOF JOIN
        (
            SELECT ServiceName, Instance, Signal, AtNs
            FROM
            ({_EXPORTS})
        ) AS ends
        ON stored.ServiceName = ends.ServiceName
            AND stored.Instance = ends.Instance
            AND stored.Signal = ends.Signal
            AND stored.AtNs <= ends.AtNs
        GROUP BY ServiceName, Instance, Signal, AtNs
    ) AS kept
    ON exports.ServiceName = kept.ServiceName
        AND exports.Instance = kept.Instance
        AND exports.Signal = kept.Signal
        AND exports.AtNs = kept.AtNs
)"""  # noqa: S608  (constants of ours)
