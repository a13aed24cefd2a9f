"""A panel while spans arrive, against the same panel before they did."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from benchmarks import report
from benchmarks.history import generate
from benchmarks.history.arms import TIERS, Arm, one_pass
from benchmarks.history.panels import PANELS
from services.monitoring_api.database import Database
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import SharedWatermark

PER_SECOND = 10_000
_SECONDS = 20.0
_MAINTENANCE_SECONDS = 5.0
# A second's insert may fall into the next second.
_LEAST = 0.9


async def measure(ours: Arm, database: Database, rounds: int) -> tuple[str, dict[str, object]]:
    """The line and the figures."""
    panel = PANELS[0]

    async def ask() -> float:
        now = datetime.now(UTC)
        # The last second is still on its way: it lies after `complete_until`.
        until = epoch_ns(now) - NANOSECONDS
        span = TimeRange(until - panel.seconds * NANOSECONDS, until)
        begun = time.monotonic()
        await panel.ask_ours(database, span, now, SharedWatermark(1.0))
        return (time.monotonic() - begun) * 1e3

    times = []
    for _ in range(rounds):
        idle = await _median(ask, _SECONDS / 4)
        arriving = [asyncio.create_task(_insert(ours)), asyncio.create_task(_maintain(ours))]
        await asyncio.sleep(_MAINTENANCE_SECONDS)
        begun, stored = time.monotonic(), _stored(ours)
        busy = await _median(ask, _SECONDS)
        rate = (_stored(ours) - stored) / (time.monotonic() - begun)
        for task in arriving:
            task.cancel()
        for ended in await asyncio.gather(*arriving, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        if rate < _LEAST * PER_SECOND:
            raise RuntimeError(f"only {rate:,.0f} spans/s arrived; the round does not count")
        times.append({"idle": idle, "busy": busy, "spans_per_second": rate})
    ratio = report.ratios(times, "busy", "idle").text()
    arrived = min(each["spans_per_second"] for each in times)
    line = f"{panel.name}, up to a second ago, while {arrived:,.0f} spans/s arrive: {ratio} times as long (wanted 1.5)"
    return line, {"arriving": times}


async def _median(ask: Callable[[], Awaitable[float]], seconds: float) -> float:
    ends = time.monotonic() + seconds
    times = []
    while time.monotonic() < ends:
        times.append(await ask())
        await asyncio.sleep(0.2)
    return statistics.median(times)


def _stored(ours: Arm) -> int:
    return int(ours.writer.query("SELECT count() FROM otel_traces").result_rows[0][0])


async def _insert(ours: Arm) -> None:
    """A second's spans each second; where it falls behind it goes on at once."""
    due = time.monotonic()
    while True:
        start = time.time_ns() - NANOSECONDS
        await asyncio.to_thread(
            generate.fill, ours.writer, spans=PER_SECOND, start_ns=start, length_ns=NANOSECONDS, first=start, quiet=True
        )
        due += 1
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _maintain(ours: Arm) -> None:
    database = ours.database("maintainer")
    try:
        while True:
            for tier in TIERS:
                await one_pass(database, tier, most_marks=5_000)
            await asyncio.sleep(_MAINTENANCE_SECONDS)
    finally:
        await database.close()
