"""Completeness: what a process counted, against what is stored of it.

Each process exports cumulative counters of the spans, predictions and labels it made. Between two of its exports a
counter grows by as many as were made in between, so as many rows of that process must lie, by their own time, between
the same two moments. A row belongs to the first export at or after it. Comparing by ``service.instance.id`` keeps
restarts and several workers apart.
"""

from typing import Final

from sightglass.attributes import (
    LABEL_COUNT_METRIC,
    LABEL_EVENT,
    LABEL_OBSERVED_AT,
    LABEL_VALUE,
    PREDICTION_COUNT_METRIC,
    PREDICTION_ID,
    SPAN_COUNT_METRIC,
)

# Spans and events leave a process up to a second after its metrics, and then travel: younger exports are not judged.
SETTLE_SECONDS: Final = 15
# How long before a range its first export may have had its predecessor; exports come every 10 s at the latest.
_LOOKBACK_SECONDS: Final = 120

SIGNALS: Final = {SPAN_COUNT_METRIC: "spans", PREDICTION_COUNT_METRIC: "predictions", LABEL_COUNT_METRIC: "labels"}

_SIGNAL: Final = "transform(MetricName, [{names}], [{signals}], '')".format(
    names=", ".join(f"'{name}'" for name in SIGNALS), signals=", ".join(f"'{signal}'" for signal in SIGNALS.values())
)
_INSTANCE: Final = "ResourceAttributes['service.instance.id']"
_FROM: Final = f"fromUnixTimestamp64Nano({{from_ns:Int64}} - {_LOOKBACK_SECONDS} * 1000000000, 'UTC')"
_TO: Final = "fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')"

_EXPORTS: Final = f"""
        SELECT
            ServiceName, Instance, Signal, At,
            lagInFrame(toNullable(At)) OVER pieces AS PreviousAt,
            Value - lagInFrame(Value, 1, 0) OVER pieces AS Counted,
            PreviousAt IS NOT NULL OR StartedAt >= {_FROM} AS Known
        FROM
        (
            SELECT ServiceName, Instance, Signal, At, sum(Value) AS Value, min(StartedAt) AS StartedAt
            FROM
            (
                SELECT
                    ServiceName, {_INSTANCE} AS Instance, {_SIGNAL} AS Signal, TimeUnix AS At, Attributes,
                    max(Value) AS Value, min(StartTimeUnix) AS StartedAt
                FROM otel_metrics_sum
                WHERE MetricName IN ({", ".join(f"'{name}'" for name in SIGNALS)})
                    AND TimeUnix >= {_FROM}
                    AND TimeUnix < {_TO}
                GROUP BY ServiceName, Instance, MetricName, At, Attributes
            )
            GROUP BY ServiceName, Instance, Signal, At
        )
        WINDOW pieces AS (
            PARTITION BY ServiceName, Instance, Signal ORDER BY At ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
"""

_STORED: Final = f"""
        SELECT ServiceName, {_INSTANCE} AS Instance, 'spans' AS Signal, addNanoseconds(Timestamp, Duration) AS At
        FROM otel_traces FINAL
        WHERE Timestamp >= {_FROM}
            AND Timestamp < {_TO}
        UNION ALL
        SELECT ServiceName, ServiceInstanceId AS Instance, 'predictions' AS Signal, Timestamp AS At
        FROM predictions
        WHERE Timestamp >= {_FROM}
            AND Timestamp < {_TO}
        UNION ALL
        SELECT ServiceName, Instance, 'labels' AS Signal, At
        FROM
        (
            SELECT DISTINCT
                ServiceName, {_INSTANCE} AS Instance, Timestamp AS At, LogAttributes['{PREDICTION_ID}'],
                LogAttributes['{LABEL_OBSERVED_AT}'], LogAttributes['{LABEL_VALUE}']
            FROM otel_logs
            WHERE EventName = '{LABEL_EVENT}'
                AND Timestamp >= {_FROM}
                AND Timestamp < {_TO}
        )
"""

# One row per export of a counter within the range: how much it grew, and how many rows are stored for that growth.
EXPORTS_WITH_STORED: Final = f"""(
    SELECT exports.ServiceName AS ServiceName, exports.Signal AS Signal, exports.At AS At, Counted, Stored
    FROM
    (
        SELECT ServiceName, Instance, Signal, At, Counted
        FROM
        ({_EXPORTS}        )
        WHERE Known
            AND At >= fromUnixTimestamp64Nano({{from_ns:Int64}}, 'UTC')
    ) AS exports
    LEFT JOIN
    (
        SELECT stored.ServiceName AS ServiceName, stored.Instance AS Instance, stored.Signal AS Signal,
            ends.At AS At, count() AS Stored
        FROM
        ({_STORED}        ) AS stored
        ASOF JOIN
        (
            SELECT ServiceName, Instance, Signal, At
            FROM
            ({_EXPORTS}            )
        ) AS ends
        ON stored.ServiceName = ends.ServiceName
            AND stored.Instance = ends.Instance
            AND stored.Signal = ends.Signal
            AND stored.At <= ends.At
        GROUP BY ServiceName, Instance, Signal, At
    ) AS kept
    ON exports.ServiceName = kept.ServiceName
        AND exports.Instance = kept.Instance
        AND exports.Signal = kept.Signal
        AND exports.At = kept.At
)"""
