"""The ingest watermark: the time up to which telemetry has arrived, as measured.

Every process exports a heartbeat metric at least every 10 s, also without traffic, so its newest stored export is how
far that process's telemetry got through. The watermark is the oldest of these, minus the lag that spans had by then.

A process that falls silent while others are heard may be cut off, and what it has to tell be on its way: for as long
as `GONE_SECONDS` it holds back the watermark of its service, and that of all services together. Then it counts as
gone, so that a crash does not leave windows incomplete for ever. One that said that it ends, or whose service has
had a new process since, drops out after 20 s. When everything is cut off, the watermark stands still.

After an outage heartbeats may come before spans. Where no span of the last minute is stored, the processes' own counts
tell whether there were any: the watermark then is the last export before the first one that counted what is missing.

Predictions and labels travel as logs, by another queue than spans: they have a watermark of their own, made alike.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.filters import Filter, Operator
from services.monitoring_api.queries.source import Source
from services.monitoring_api.queries.streams import EVENTS, SPANS, Stream, counted_query, lag_query, newest_query
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from sightglass.attributes import ENDED_METRIC, HEARTBEAT_METRIC

# A look of a rule waits so long at most, from its slot on, for what its windows lack; then they are incomplete.
PATIENCE_SECONDS: Final = 30.0
# A process that falls silent, and did not say that it ends, is waited for so long; then it is gone.
GONE_SECONDS: Final = 300
# How far back a heartbeat is looked for at first.
_RECENT_SECONDS: Final = 900
# A process silent for longer than this, while others are heard, is not alive.
_ALIVE_SECONDS: Final = 20
# So far back it is looked for the last row that came.
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


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to when spans have arrived, in nanoseconds since 1970; with that of events.

    Args:
        alive_ns: As far as the processes that are heard tell; None when nothing is known.
        services_ns: As far as those of each service tell, the ones that fell silent included.
        backlog_ns: From when on spans are missing that were counted; None when none of the last minute are.
        events: The same of events: predictions and labels. None where nothing tells them apart from spans.
    """

    alive_ns: int | None = None
    services_ns: Mapping[str, int] = field(default_factory=dict)
    backlog_ns: int | None = None
    events: "Watermark | None" = None

    def about(self, source: Source) -> "Watermark":
        """That of what a source is made of."""
        return self.events if source.of_events and self.events is not None else self

    @property
    def of_all_ns(self) -> int | None:
        """Up to when everything has arrived, whatever it is."""
        each = [self.everywhere_ns, None if self.events is None else self.events.everywhere_ns]
        return min((until for until in each if until is not None), default=None)

    @property
    def everywhere_ns(self) -> int | None:
        """Up to when that of all services has arrived; None when nothing is known of that."""
        return self._held_back(min(self.services_ns.values(), default=self.alive_ns))

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

    def waits_for_silent(self, filters: Iterable[Filter], until_ns: int) -> bool:
        """Whether all that is missing up to a time is of processes that fell silent, which waiting does not mend."""
        of, alive = self.of(filters), self._held_back(self.alive_ns)
        return of is not None and alive is not None and of < until_ns <= alive

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


async def watermark(database: Database, now: datetime) -> Watermark:
    """Up to when telemetry has arrived; nothing is known of that when no process was ever heard."""
    heard = await database.fetch(heartbeats_query(now, lookback_seconds=_RECENT_SECONDS))
    if not heard:
        # Cut off for long, or stopped: whatever is stored was complete up to the last heartbeat there is.
        heard = await database.fetch(heartbeats_query(now, lookback_seconds=2**32))
    if not heard:
        return Watermark()
    alive_ns = min(int(alive) for _, _, alive in heard if alive)
    services_ns = {str(service): int(last) for service, last, _ in heard}
    spans, events = await asyncio.gather(*(_of(database, each, alive_ns, services_ns) for each in (SPANS, EVENTS)))
    return replace(spans, events=events)


async def _of(database: Database, stream: Stream, alive_ns: int, services_ns: Mapping[str, int]) -> Watermark:
    """That of a stream, by the heartbeats of processes."""
    lag = await database.fetch(lag_query(stream, alive_ns))
    lag_ns = max(_BATCH_SECONDS * NANOSECONDS, int(lag[0][0]) if lag else 0)
    backlog_ns = None if lag else await _backlog(database, stream, alive_ns)
    return Watermark(alive_ns - lag_ns, {name: last - lag_ns for name, last in services_ns.items()}, backlog_ns)


async def _backlog(database: Database, stream: Stream, alive_ns: int) -> int | None:
    """From when on rows were counted of which none is stored; None when there are none."""
    for seconds in (GONE_SECONDS, _BACKLOG_SECONDS):
        start_ns = max(0, alive_ns - seconds * NANOSECONDS)
        newest = await database.fetch(newest_query(stream, start_ns, alive_ns))
        newest_ns = int(newest[0][0]) if newest else start_ns
        counted = await database.fetch(counted_query(stream, newest_ns, alive_ns))
        # Without a count there is none, and with a row it is known where it begins; else it began earlier.
        if newest or not counted:
            break
    return int(counted[0][0]) if counted else None


class _Losses:
    """Tells a stream's backlog that is on its way from one that never comes."""

    def __init__(self) -> None:
        self._backlog_ns: int | None = None
        self._stuck_since = 0.0

    def without(self, found: Watermark, asked_at: float) -> Watermark:
        """The same without a backlog of which nothing came for too long."""
        if found.backlog_ns != self._backlog_ns:
            self._backlog_ns, self._stuck_since = found.backlog_ns, asked_at
        return replace(found, backlog_ns=None) if asked_at - self._stuck_since > GONE_SECONDS else found


class SharedWatermark:
    """The watermark for all who ask within a moment: a panel's questions and a room full of dashboards ask it once.

    What was counted and is not stored holds it back for `GONE_SECONDS` after the last of them came; then they
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
        self._spans, self._events = _Losses(), _Losses()

    async def __call__(self, database: Database, now: datetime) -> Watermark:
        """As `watermark`."""
        async with self._asking:
            if self._clock() >= self._good_until:
                asked_at = self._clock()
                found = await watermark(database, now)
                events = None if found.events is None else self._events.without(found.events, asked_at)
                self._found = replace(self._spans.without(found, asked_at), events=events)
                self._good_until = asked_at + self._seconds
            return self._found
