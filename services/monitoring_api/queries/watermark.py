"""The ingest watermark: the time up to which telemetry has arrived, as measured.

Every process exports a heartbeat metric at least every 10 s, also without traffic, so its newest stored export is how
far that process's telemetry got through. The watermark is the oldest of these among the processes that were alive when
the newest one came, minus the lag that spans had by then. When everything is cut off it stands still; a process that
ended drops out after 20 s.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from sightglass.attributes import HEARTBEAT_METRIC

# How far back a heartbeat is looked for at first.
_RECENT_SECONDS: Final = 900
# A process silent for longer than this, while others are heard, has ended.
_ALIVE_SECONDS: Final = 20
_LAG_WINDOW_SECONDS: Final = 60
# Spans wait for their batch up to a second longer than the metrics of the same moment.
_BATCH_SECONDS: Final = 1

_HEARTBEATS: Final = """SELECT toUnixTimestamp(min(LastAt)) * 1000000000
FROM
(
    SELECT max(TimeUnix) AS LastAt, max(LastAt) OVER () AS NewestAt
    FROM otel_metrics_gauge
    WHERE MetricName = {heartbeat:String}
        AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
        AND TimeUnix < fromUnixTimestamp64Nano({now_ns:Int64}, 'UTC')
    GROUP BY ServiceName, ServiceInstanceId
)
WHERE LastAt >= NewestAt - toIntervalSecond({alive_seconds:UInt32})
HAVING count() > 0"""

_LAG: Final = f"""SELECT quantileExact(0.99)(
    toUnixTimestamp64Nano(toDateTime64(ArrivedAt, 9)) - toUnixTimestamp64Nano(Timestamp) - toInt64(Duration)
)
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC'))
    AND NOT Replayed
    AND {REAL}
HAVING count() > 0"""  # noqa: S608  (a constant of ours)


def heartbeats_query(now: datetime, *, lookback_seconds: int) -> Query:
    """The oldest newest heartbeat (nanoseconds) among live processes; no row when none was heard."""
    now_ns = epoch_ns(now)
    return Query(
        _HEARTBEATS,
        {
            "heartbeat": HEARTBEAT_METRIC,
            "start_ns": max(0, now_ns - lookback_seconds * NANOSECONDS),
            "now_ns": now_ns,
            "alive_seconds": _ALIVE_SECONDS,
        },
    )


def lag_query(heard_ns: int) -> Query:
    """How long (nanoseconds) the last spans took to arrive, at the 99th percentile; no row when there were none."""
    start_ns = heard_ns - _LAG_WINDOW_SECONDS * NANOSECONDS
    return Query(_LAG, {"start_ns": start_ns, "end_ns": heard_ns})


async def watermark(database: Database, now: datetime) -> int | None:
    """The time (nanoseconds since 1970) up to which telemetry has arrived; None when no process was ever heard."""
    heard = await database.fetch(heartbeats_query(now, lookback_seconds=_RECENT_SECONDS))
    if not heard:
        # Cut off for long, or stopped: whatever is stored was complete up to the last heartbeat there is.
        heard = await database.fetch(heartbeats_query(now, lookback_seconds=2**32))
    if not heard:
        return None
    heard_ns = int(heard[0][0])
    lag = await database.fetch(lag_query(heard_ns))
    lag_ns = max(0, int(lag[0][0])) if lag else 0
    return heard_ns - max(_BATCH_SECONDS * NANOSECONDS, lag_ns)


class SharedWatermark:
    """The watermark for all who ask within a moment: a panel's questions and a room full of dashboards ask it once.

    Args:
        seconds: How old it may be. It only grows, so an older one calls less complete, never more.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._asking = asyncio.Lock()
        self._found: int | None = None
        self._good_until = 0.0

    async def __call__(self, database: Database, now: datetime) -> int | None:
        """As `watermark`."""
        async with self._asking:
            if self._clock() >= self._good_until:
                asked_at = self._clock()
                self._found = await watermark(database, now)
                self._good_until = asked_at + self._seconds
            return self._found
