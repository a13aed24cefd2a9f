"""The guard of the disk: before it is full, the oldest days of raw rows go, one at a time.

At 100 % ClickHouse refuses even to drop a partition, so it must not come to that. Predictions, labels and rollups are
never dropped, nor are rows of today. Traces that matter are copied first, but a copy that finds no room, or is refused,
holds nothing up: a disk that is full would lose them all the same, and everything that comes with them.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final, NamedTuple

from services.monitoring_api.database import Database, DatabaseFull, DatabaseUnavailable, Query
from services.monitoring_api.maintenance.horizon import note_gone
from services.monitoring_api.maintenance.state import remember
from services.monitoring_api.queries.maintained import LEAST_FREE_BYTES, TRACES_LOST_AT, maintained
from services.monitoring_api.queries.pipeline.raw_days import RawDay, droppable, raw_days, raw_days_query
from services.web.problems import Problem

_log = logging.getLogger(__name__)

# Parts that were merged or dropped lie on the disk for some minutes more; they are as good as gone.
_SPACE: Final = """SELECT
    min(free_space) + (SELECT sum(bytes_on_disk) FROM system.parts WHERE NOT active AND database = currentDatabase()),
    min(total_space)
FROM system.disks
WHERE total_space > 0
HAVING count() > 0"""

# A server refuses to drop what is larger than 50 GB unless it is told otherwise.
_DROP: Final = (
    "ALTER TABLE {table:Identifier} DROP PARTITION ID {partition:String} SETTINGS max_partition_size_to_drop = 0"
)
_RECORD: Final = """INSERT INTO raw_drops (Table, Day, Rows, Bytes, FreeBytes)
SELECT {table:String}, {day:Date}, {rows:UInt64}, {size:UInt64}, {free:UInt64}"""
_TRACES: Final = "otel_traces"


class Space(NamedTuple):
    """Bytes of the disk."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class LeastFree:
    """How much of the disk is to stay free: the larger of the two.

    Args:
        size: Bytes.
        percent: Of the whole disk.
    """

    size: int
    percent: float

    def of(self, total: int) -> int:
        """In bytes, for a disk of so many bytes; never more than the disk has."""
        return min(total, max(self.size, round(total * self.percent / 100)))


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guard found and did.

    Args:
        dropped: The days that it dropped.
        exhausted: Whether too little is free and nothing is left to drop.
    """

    dropped: tuple[RawDay, ...] = ()
    exhausted: bool = False


async def measure_space(database: Database) -> Space | None:
    """Free and total bytes of the disk that is nearest to full; None when ClickHouse does not say."""
    rows = await database.fetch(Query(_SPACE))
    return Space(int(rows[0][0]), int(rows[0][1])) if rows else None


async def guard_disk(
    database: Database,
    least: LeastFree,
    *,
    now: datetime,
    keep_traces: Callable[[datetime], Awaitable[None]],
    measure: Callable[[Database], Awaitable[Space | None]] = measure_space,
) -> Guarded:
    """Drop the oldest days of raw rows until enough is free.

    Args:
        database: Where, as a user who may drop partitions.
        least: How much is to stay free.
        now: The time.
        keep_traces: Copies the traces that outlive a dropped day, of all spans before a time.
        measure: How much is free.
    """
    dropped: list[RawDay] = []
    while True:
        space = await measure(database)
        if space is None:
            return Guarded(tuple(dropped))
        wanted = least.of(space.total)
        if not dropped and (await maintained(database)).get(LEAST_FREE_BYTES) != wanted:
            await remember(database, LEAST_FREE_BYTES, wanted)
        if space.free >= wanted:
            return Guarded(tuple(dropped))
        oldest = droppable(raw_days(await database.fetch(raw_days_query())), now)
        if not oldest:
            return Guarded(tuple(dropped), exhausted=True)
        await _drop(database, oldest[0], space, keep_traces, now)
        dropped.append(oldest[0])
        _log.warning(
            "the disk has %d bytes free, fewer than %d: dropped %s of %s",
            space.free,
            wanted,
            oldest[0].table,
            oldest[0].day,
            extra={"table": oldest[0].table, "day": str(oldest[0].day), "bytes": oldest[0].size},
        )


async def _drop(
    database: Database,
    day: RawDay,
    space: Space,
    keep_traces: Callable[[datetime], Awaitable[None]],
    now: datetime,
) -> None:
    """Drop one day, after noting that it is whole no longer."""
    end = datetime.combine(day.day + timedelta(days=1), time(), UTC)
    copied = day.table != _TRACES or await _copied(day, partial(keep_traces, end))
    await note_gone(database, day.table, end)
    await database.execute(Query(_DROP, {"table": day.stored_in, "partition": day.partition}))
    if day.table == _TRACES:
        # What finds a trace's time goes with its spans.
        finder = day.stored_in.replace(_TRACES, f"{_TRACES}_trace_id_ts")
        await database.execute(Query(_DROP, {"table": finder, "partition": day.partition}))
    record = {"table": day.table, "day": day.day, "rows": day.rows, "size": day.size, "free": space.free}
    await database.execute(Query(_RECORD, record))
    if not copied:
        await remember(database, TRACES_LOST_AT, int(now.timestamp()))


async def _copied(day: RawDay, copy: Callable[[], Awaitable[None]]) -> bool:
    """Copy the traces to keep; whether all of them were."""
    try:
        await copy()
    except Problem as problem:
        if isinstance(problem, DatabaseUnavailable) and not isinstance(problem, DatabaseFull):
            # Nothing can be dropped either while ClickHouse is away; both are tried again with the next look.
            raise
        _log.error("traces of %s that were to outlive it can't be copied, and go with it: %s", day.day, problem.detail)
        return False
    return True
