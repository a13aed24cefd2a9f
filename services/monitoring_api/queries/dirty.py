"""Minutes whose rollup may be behind the raw rows, and minutes that were computed since."""

from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.maintained import whole_for_name, whole_from_name
from services.monitoring_api.queries.plan import QUARTER_SECONDS
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# What minutes are made of, by the name of their marks.
_RAW: Final = {"requests": "otel_traces", "predictions": "predictions_data"}

# The server's clock is read before the rows are. A minute whose raw rows are whole no longer keeps its figures: a late
# row for it is reported, and does not replace them. Since when they are whole goes by what was noted and by that clock,
# so it is right however long the maintenance process is away.
_DIRTY: Final = """SELECT
    toUnixTimestamp64Micro(now64(6)),
    groupUniqArrayIf(toUnixTimestamp(Minute), Kind = {minutes:String}),
    groupUniqArrayIf(toUnixTimestamp(Minute), Kind = {quarters:String}),
    countIf(Kind = {unfinished:String})
FROM rollup_dirty
WHERE Kind IN ({minutes:String}, {quarters:String}, {unfinished:String})
    AND Minute >= toDateTime({start:UInt32}, 'UTC')
    AND Minute < toDateTime({end:UInt32}, 'UTC')
    AND (
        Kind != {minutes:String}
        OR toUnixTimestamp(Minute) >= (
            SELECT greatest(
                maxIf(Value, Name = {horizon:String}),
                if(
                    countIf(Name = {lifetime:String}) = 0,
                    0,
                    toUnixTimestamp(now()) - argMaxIf(Value, WrittenAt, Name = {lifetime:String})
                )
            )
            FROM maintenance_state
            WHERE Name IN ({horizon:String}, {lifetime:String})
        )
    )"""

_RECOMPUTED: Final = """SELECT DISTINCT toUnixTimestamp(Minute)
FROM {table}
WHERE ComputedAt > fromUnixTimestamp64Micro({{since_us:Int64}}, 'UTC')
    AND Minute >= toDateTime({{start:UInt32}}, 'UTC')
    AND Minute < toDateTime({{end:UInt32}}, 'UTC')"""


class Dirty(NamedTuple):
    """What of a range may be behind.

    Args:
        as_of_us: The server's time (microseconds) before anything was asked.
        minutes: Starts (epoch seconds) of minutes whose rollup may be behind the raw rows.
        quarters: Starts of quarters of an hour that may be behind their minutes.
        unfinished: How many quarters may lack their finished figures, since the schema has these only now.
    """

    as_of_us: int
    minutes: frozenset[int]
    quarters: frozenset[int]
    unfinished: int


def dirty_query(rollup: Rollup, span: TimeRange) -> Query:
    """The server's time and what of the range is dirty."""
    kinds = {"minutes": rollup.kind, "quarters": rollup.quarter_kind, "unfinished": rollup.unfinished_kind}
    raw = _RAW[rollup.kind]
    whole = {"horizon": whole_from_name(raw), "lifetime": whole_for_name(raw)}
    return Query(_DIRTY, {**kinds, **whole, **_bounds(span)})


async def find_dirty(database: Database, rollup: Rollup, span: TimeRange) -> Dirty:
    """Ask for what is dirty.

    Ask before the data, never after or with it: a minute that is recomputed in between is then read raw, which is as
    exact, whereas the other way round it could be read from a rollup row of before.
    """
    ((as_of_us, minutes, quarters, unfinished),) = await database.fetch(dirty_query(rollup, span))
    return Dirty(int(as_of_us), frozenset(map(int, minutes)), frozenset(map(int, quarters)), int(unfinished))


async def recomputed_minutes(database: Database, rollup: Rollup, span: TimeRange, since_us: int) -> frozenset[int]:
    """Starts (epoch seconds) of the range's minutes that were computed after a time of the server's (microseconds).

    Ask after the dirty minutes: a minute's mark goes only once its rows are there, so none is missed by both.
    """
    # The table is one of ours.
    query = Query(_RECOMPUTED.format(table=rollup.table), {"since_us": since_us, **_bounds(span)})
    return frozenset(int(minute) for (minute,) in await database.fetch(query))


def _bounds(span: TimeRange) -> dict[str, int]:
    quarter = QUARTER_SECONDS * NANOSECONDS
    return {"start": span.start_ns // quarter * QUARTER_SECONDS, "end": -(-span.end_ns // NANOSECONDS)}
