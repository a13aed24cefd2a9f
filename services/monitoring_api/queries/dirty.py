"""Minutes whose rollup may be behind the raw rows."""

from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

_DIRTY: Final = """SELECT DISTINCT toUnixTimestamp(Minute)
FROM rollup_dirty
WHERE Kind = {kind:String}
    AND Minute >= toDateTime({start:UInt32}, 'UTC')
    AND Minute < toDateTime({end:UInt32}, 'UTC')"""


def dirty_query(rollup: Rollup, span: TimeRange) -> Query:
    """The starts (epoch seconds) of the range's dirty minutes."""
    return Query(
        _DIRTY,
        {"kind": rollup.kind, "start": span.start_ns // NANOSECONDS, "end": -(-span.end_ns // NANOSECONDS)},
    )


async def dirty_minutes(database: Database, rollup: Rollup, span: TimeRange) -> list[int]:
    """Ask for the dirty minutes.

    Ask before the data, never after or with it: a minute that is recomputed in between is then read raw, which is as
    exact, whereas the other way round it could be read from a rollup row of before.
    """
    return [int(minute) for (minute,) in await database.fetch(dirty_query(rollup, span))]
