"""Predictions of realistic shape: one for each request that is stored, the same in either schema."""

import sys
from typing import Final

from clickhouse_connect.driver.client import Client

from services.monitoring_api.queries.timerange import NANOSECONDS

_HOUR_NS: Final = 3_600 * NANOSECONDS

_INSERT: Final = """
INSERT INTO otel_logs
    (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, ScopeName,
    LogAttributes, EventName)
WITH
    SpanAttributes['ml.prediction.id'] AS id,
    (sipHash64(id, 1) % 1000000) / 1000000. AS score,
    sipHash64(id, 2) AS own
SELECT
    Timestamp, TraceId, SpanId, 'INFO', 9, ServiceName,
    concat('{"features":{"distance":', toString(own % 3000), ',"hour":', toString(own % 24), ',"carrier":"',
        ['UA', 'AA', 'DL', 'B6', 'EV'][own % 5 + 1], '","wind":', toString((own % 600) / 10), ',"rain":',
        if(own % 7 = 0, 'null', toString((own % 50) / 100)), '}}'),
    ResourceAttributes,
    'sightglass',
    map('event.name', 'ml.prediction', 'ml.prediction.id', id, 'ml.model.name', SpanAttributes['ml.model.name'],
        'ml.model.version', SpanAttributes['ml.model.version'], 'ml.variant', 'champion', 'ml.task', 'binary',
        'ml.prediction.score', toString(score), 'ml.prediction.positive', if(score >= 0.5, 'true', 'false'),
        'ml.prediction.label', if(score >= 0.5, 'late', 'on_time'),
        'ml.features.source', if(own % 100 < 3, 'fallback', 'store')),
    'ml.prediction'
FROM otel_traces
WHERE SpanKind = 'Server'
    AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
"""


def fill(client: Client, *, start_ns: int, length_ns: int) -> None:
    """Insert the prediction of every request of a time, hour by hour."""
    for begin in range(start_ns, start_ns + length_ns + _HOUR_NS, _HOUR_NS):
        client.command(_INSERT, parameters={"start_ns": begin, "end_ns": begin + _HOUR_NS})
        done = min(1.0, (begin - start_ns + _HOUR_NS) / length_ns)
        print(f"\r{done:.0%} of the predictions", end="", file=sys.stderr)
    print(file=sys.stderr)
