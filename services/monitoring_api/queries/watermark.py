"""The ingest watermark: the time up to which telemetry has arrived, as measured.

Every process exports a heartbeat metric at least every 10 s, also without traffic, so its newest stored export is how
far that process's telemetry got through. The watermark is the oldest of these, minus the lag that spans had by then.

A process that falls silent while others are heard may be cut off, and what it has to tell be on its way: for as long
as `GONE_SECONDS` it holds back the watermark of its service, and that of all services together. Then it counts as
gone, so that a crash does not leave windows incomplete for ever. One that said that it ends, or whose service has
had a new process since, drops out after 20 s. When everything is cut off, the watermark stands still.

After an outage heartbeats may come before spans. Where no span of the last minute is stored, the processes' own counts
tell whether there were any: the watermark then is the last export before the first one that counted what is missing.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.filters import Filter, Operator
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from sightglass.attributes import ENDED_METRIC, HEARTBEAT_METRIC, REPLAYED, SPAN_COUNT_METRIC

# A look of a rule waits so long at most, from its slot on, for what its windows lack; then they are incomplete.
PATIENCE_SECONDS: Final = 30.0
# A process that falls silent, and did not say that it ends, is waited for so long; then it is gone.
GONE_SECONDS: Final = 300
# How far back a heartbeat is looked for at first.
_RECENT_SECONDS: Final = 900
# A process silent for longer than this, while others are heard, is not alive.
_ALIVE_SECONDS: Final = 20
_LAG_WINDOW_SECONDS: Final = 60
# So far back it is looked for the last span that came.
_BACKLOG_SECONDS: Final = 86_400
# Spans wait for their batch up to a second longer than the metrics of the same moment.
_BATCH_SECONDS: Final = 1
_SERVICE: Final = "service"

_HEARTBEATS: Final = """SELECT
    ServiceName,
    toUnixTimestamp(min(LastAt)) * 1000000000,
    toUnixTimestamp(minIf(LastAt, IsAlive)) * 1000000000
FROM
(
    SELECT
        ServiceName,
        max(TimeUnix) AS LastAt,
        max(MetricName = {ended:String}) AS HasEnded,
        max(LastAt) OVER () AS NewestAt,
        max(min(TimeUnix)) OVER (PARTITION BY ServiceName) AS YoungestSince,
        LastAt >= NewestAt - toIntervalSecond({alive_seconds:UInt32}) AS IsAlive
    FROM otel_metrics_gauge
    WHERE MetricName IN ({heartbeat:String}, {ended:String})
        AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
        AND TimeUnix < fromUnixTimestamp64Nano({now_ns:Int64}, 'UTC')
    GROUP BY ServiceName, ServiceInstanceId
)
WHERE IsAlive
    OR (
        LastAt >= NewestAt - toIntervalSecond({gone_seconds:UInt32})
        AND NOT HasEnded
        AND YoungestSince <= LastAt
    )
GROUP BY ServiceName"""

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


_NEWEST_SPAN: Final = """SELECT toUnixTimestamp64Nano(max(Timestamp))
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')
    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC'))
    AND NOT Replayed
HAVING count() > 0"""

# Times of exports are cut to the second: an export of the same second as the span may or may not have counted it.
_COUNTED: Final = f"""SELECT toUnixTimestamp(min(BeforeAt)) * 1000000000
FROM
(
    SELECT
        lagInFrame(TimeUnix, 1, TimeUnix) OVER exports AS BeforeAt,
        max(Value) - lagInFrame(max(Value), 1, max(Value)) OVER exports AS Counted
    FROM otel_metrics_sum
    WHERE MetricName = {{spans:String}}
        AND TimeUnix >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
        AND TimeUnix <= fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
        AND Attributes['{REPLAYED}'] != 'true'
    GROUP BY ServiceName, ServiceInstanceId, TimeUnix
    WINDOW exports AS (
        PARTITION BY ServiceName, ServiceInstanceId ORDER BY TimeUnix ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
    )
)
WHERE Counted > 0
    AND BeforeAt > fromUnixTimestamp64Nano({{newest_ns:Int64}}, 'UTC')
HAVING count() > 0"""  # noqa: S608  (a constant of ours)


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to when telemetry has arrived, in nanoseconds since 1970.

    Args:
        alive_ns: As far as the processes that are heard tell; None when nothing is known.
        services_ns: As far as those of each service tell, the ones that fell silent included.
        backlog_ns: From when on spans are missing that were counted; None when none of the last minute are.
    """

    alive_ns: int | None = None
    services_ns: Mapping[str, int] = field(default_factory=dict)
    backlog_ns: int | None = None

    @property
    def everywhere_ns(self) -> int | None:
        """Up to when that of all services has arrived; None when nothing is known of that."""
        return self._held_back(min(self.services_ns.values(), default=self.alive_ns))

    def without_backlog(self) -> "Watermark":
        """The same, where spans that are missing count as lost."""
        return replace(self, backlog_ns=None)

    def of(self, filters: Iterable[Filter]) -> int | None:
        """Up to when that has arrived which a question is about.

        Args:
            filters: The question's conditions: where they name services, no other holds it back.
        """
        for each in filters:
            if each.key == _SERVICE and each.operator in {Operator.EQUAL, Operator.IN}:
                found = [self.services_ns.get(name, self.alive_ns) for name in each.values]
                return self._held_back(min((until for until in found if until is not None), default=None))
        return self.everywhere_ns

    def _held_back(self, until_ns: int | None) -> int | None:
        if until_ns is None or self.backlog_ns is None:
            return until_ns
        return min(until_ns, self.backlog_ns)


def heartbeats_query(now: datetime, *, lookback_seconds: int) -> Query:
    """For each service that is waited for: its oldest newest heartbeat (nanoseconds), also among live processes only.

    The latter is 0 where no process of the service is alive. No row when none was heard.
    """
    now_ns = epoch_ns(now)
    return Query(
        _HEARTBEATS,
        {
            "heartbeat": HEARTBEAT_METRIC,
            "ended": ENDED_METRIC,
            "start_ns": max(0, now_ns - lookback_seconds * NANOSECONDS),
            "now_ns": now_ns,
            "alive_seconds": _ALIVE_SECONDS,
            "gone_seconds": GONE_SECONDS,
        },
    )


def lag_query(heard_ns: int) -> Query:
    """How long (nanoseconds) the last spans took to arrive, at the 99th percentile; no row when there were none."""
    start_ns = heard_ns - _LAG_WINDOW_SECONDS * NANOSECONDS
    return Query(_LAG, {"start_ns": start_ns, "end_ns": heard_ns})


def newest_span_query(start_ns: int, end_ns: int) -> Query:
    """When the newest stored span of a range began (nanoseconds); no row when there is none."""
    return Query(_NEWEST_SPAN, {"start_ns": start_ns, "end_ns": end_ns})


def counted_query(newest_ns: int, until_ns: int) -> Query:
    """The export (nanoseconds) after which processes first counted spans later than the newest one that is stored.

    No row when they counted none.
    """
    parameters = {"spans": SPAN_COUNT_METRIC, "newest_ns": newest_ns, "end_ns": until_ns}
    # The growth of an export is told by the one before it.
    return Query(_COUNTED, {**parameters, "start_ns": max(0, newest_ns - _LAG_WINDOW_SECONDS * NANOSECONDS)})


async def watermark(database: Database, now: datetime) -> Watermark:
    """Up to when telemetry has arrived; nothing is known of that when no process was ever heard."""
    heard = await database.fetch(heartbeats_query(now, lookback_seconds=_RECENT_SECONDS))
    if not heard:
        # Cut off for long, or stopped: whatever is stored was complete up to the last heartbeat there is.
        heard = await database.fetch(heartbeats_query(now, lookback_seconds=2**32))
    if not heard:
        return Watermark()
    alive_ns = min(int(alive) for _, _, alive in heard if alive)
    lag = await database.fetch(lag_query(alive_ns))
    lag_ns = max(_BATCH_SECONDS * NANOSECONDS, int(lag[0][0]) if lag else 0)
    services_ns = {str(service): int(last) - lag_ns for service, last, _ in heard}
    return Watermark(alive_ns - lag_ns, services_ns, None if lag else await _backlog(database, alive_ns))


async def _backlog(database: Database, alive_ns: int) -> int | None:
    """From when on spans were counted of which none is stored; None when there are none."""
    for seconds in (GONE_SECONDS, _BACKLOG_SECONDS):
        start_ns = max(0, alive_ns - seconds * NANOSECONDS)
        newest = await database.fetch(newest_span_query(start_ns, alive_ns))
        counted = await database.fetch(counted_query(int(newest[0][0]) if newest else start_ns, alive_ns))
        # Without a count there is none, and with a span it is known where it begins; else it began earlier.
        if newest or not counted:
            break
    return int(counted[0][0]) if counted else None


class SharedWatermark:
    """The watermark for all who ask within a moment: a panel's questions and a room full of dashboards ask it once.

    Spans that were counted and are not stored hold it back for `GONE_SECONDS` after the last of them came; then they
    count as lost.

    Args:
        seconds: How old it may be. It only grows, so an older one calls less complete, never more.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._asking = asyncio.Lock()
        self._found = Watermark()
        self._good_until = 0.0
        self._backlog_ns: int | None = None
        self._stuck_since = 0.0

    async def __call__(self, database: Database, now: datetime) -> Watermark:
        """As `watermark`."""
        async with self._asking:
            if self._clock() >= self._good_until:
                asked_at = self._clock()
                found = await watermark(database, now)
                if found.backlog_ns != self._backlog_ns:
                    self._backlog_ns, self._stuck_since = found.backlog_ns, asked_at
                lost = asked_at - self._stuck_since > GONE_SECONDS
                self._found = found.without_backlog() if lost else found
                self._good_until = asked_at + self._seconds
            return self._found
