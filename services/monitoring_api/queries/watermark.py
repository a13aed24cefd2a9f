"""The ingest watermark: the time up to which telemetry has arrived, as measured.

Every process exports a heartbeat metric at least every 10 s, also without traffic, so its newest stored export is how
far that process's telemetry got through. The watermark is the oldest of these among the processes that were alive when
the newest one came, minus the lag that spans had lately on top. When everything is cut off it stands still; a process
that ended drops out after a minute.
"""

from datetime import datetime
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from sightglass.attributes import HEARTBEAT_METRIC, REPLAYED

# How far back a heartbeat is looked for; older silence means that nothing is known.
_LOOKBACK_SECONDS: Final = 900
# A process silent for longer than this, while others are heard, has ended.
_ALIVE_SECONDS: Final = 60
_LAG_WINDOW_SECONDS: Final = 60
# Spans wait for their batch up to a second longer than the metrics of the same moment.
_BATCH_SECONDS: Final = 1

_HEARTBEATS: Final = """SELECT toUnixTimestamp64Nano(min(LastAt))
FROM
(
    SELECT max(TimeUnix) AS LastAt, max(LastAt) OVER () AS NewestAt
    FROM
    (
        SELECT ServiceName, ResourceAttributes['service.instance.id'] AS Instance, TimeUnix
        FROM otel_metrics_sum
        WHERE MetricName = {heartbeat:String}
            AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
            AND TimeUnix < fromUnixTimestamp64Nano({now_ns:Int64}, 'UTC')
        UNION ALL
        SELECT ServiceName, ResourceAttributes['service.instance.id'] AS Instance, TimeUnix
        FROM otel_metrics_gauge
        WHERE MetricName = {heartbeat:String}
            AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
            AND TimeUnix < fromUnixTimestamp64Nano({now_ns:Int64}, 'UTC')
    )
    GROUP BY ServiceName, Instance
)
WHERE LastAt >= NewestAt - toIntervalSecond({alive_seconds:UInt32})
HAVING count() > 0"""

_LAG: Final = """SELECT
    quantileExact(0.99)(toUnixTimestamp64Nano(toDateTime64(ArrivedAt, 9)) - toUnixTimestamp64Nano(Timestamp) - toInt64(Duration))
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC'))
    AND SpanAttributes['{replayed}'] != 'true'
HAVING count() > 0""".replace("{replayed}", REPLAYED)


def heartbeats_query(now: datetime) -> Query:
    """The oldest newest heartbeat (nanoseconds) among live processes; no row when none was heard."""
    now_ns = epoch_ns(now)
    return Query(
        _HEARTBEATS,
        {
            "heartbeat": HEARTBEAT_METRIC,
            "start_ns": now_ns - _LOOKBACK_SECONDS * NANOSECONDS,
            "now_ns": now_ns,
            "alive_seconds": _ALIVE_SECONDS,
        },
    )


def lag_query(heard_ns: int) -> Query:
    """How long (nanoseconds) spans lately took to arrive, at the 99th percentile; no row when there were none."""
    return Query(_LAG, {"start_ns": heard_ns - _LAG_WINDOW_SECONDS * NANOSECONDS, "end_ns": heard_ns})


async def watermark(database: Database, now: datetime) -> int | None:
    """The time (nanoseconds since 1970) up to which telemetry has arrived; None when no process was heard lately."""
    heard = await database.fetch(heartbeats_query(now))
    if not heard:
        return None
    heard_ns = int(heard[0][0])
    lag = await database.fetch(lag_query(heard_ns))
    lag_ns = max(0, int(lag[0][0])) if lag else 0
    # A span that arrived within the lag of the last heartbeat's own journey is covered by it; only slower ones count.
    return heard_ns - max(_BATCH_SECONDS * NANOSECONDS, lag_ns)
