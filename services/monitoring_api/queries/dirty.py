"""Minutes whose rollup may be behind the raw rows, and minutes that were computed since."""

from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# The server's clock is read before the rows are.
_DIRTY: Final = """SELECT toUnixTimestamp64Micro(now64(6)), groupUniqArray(toUnixTimestamp(Minute))
FROM rollup_dirty
WHERE Kind = {kind:String}
    AND Minute >= toDateTime({start:UInt32}, 'UTC')
    AND Minute < toDateTime({end:UInt32}, 'UTC')"""

_RECOMPUTED: Final = """SELECT DISTINCT toUnixTimestamp(Minute)
FROM {table}
WHERE ComputedAt > fromUnixTimestamp64Micro({{since_us:Int64}}, 'UTC')
    AND Minute >= toDateTime({{start:UInt32}}, 'UTC')
    AND Minute < toDateTime({{end:UInt32}}, 'UTC')"""


class DirtyMinutes(NamedTuple):
    """Starts (epoch seconds) of dirty minutes, and the server's time (microseconds) before they were asked for."""

    as_of_us: int
    minutes: frozenset[int]


def dirty_query(rollup: Rollup, span: TimeRange) -> Query:
    """The server's time and the range's dirty minutes."""
    return Query(_DIRTY, {"kind": rollup.kind, **_bounds(span)})


async def dirty_minutes(database: Database, rollup: Rollup, span: TimeRange) -> DirtyMinutes:
    """Ask for the dirty minutes.

    Ask before the data, never after or with it: a minute that is recomputed in between is then read raw, which is as
    exact, whereas the other way round it could be read from a rollup row of before.
    """
    ((as_of_us, minutes),) = await database.fetch(dirty_query(rollup, span))
    return DirtyMinutes(int(as_of_us), frozenset(map(int, minutes)))


async def recomputed_minutes(database: Database, rollup: Rollup, span: TimeRange, since_us: int) -> frozenset[int]:
    """Starts (epoch seconds) of the range's minutes that were computed after a time of the server's (microseconds).

    Ask after the dirty minutes: a minute's mark goes only once its rows are there, so none is missed by both.
    """
    # The table is one of ours.
    query = Query(_RECOMPUTED.format(table=rollup.table), {"since_us": since_us, **_bounds(span)})
    return frozenset(int(minute) for (minute,) in await database.fetch(query))


def _bounds(span: TimeRange) -> dict[str, int]:
    minute = 60 * NANOSECONDS
    return {"start": span.start_ns // minute * 60, "end": -(-span.end_ns // NANOSECONDS)}
