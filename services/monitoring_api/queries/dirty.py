"""Buckets whose rollup may be behind the raw rows, and buckets that were computed since."""

from typing import Final, NamedTuple

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.maintained import whole_for_name, whole_from_name
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# What is made of which rows, by the name of the marks.
_MADE_OF: Final = {"requests": "otel_traces", "predictions": "predictions_data", "outcomes_15m": "predictions_data"}

# The server's clock is read before the rows are. A bucket whose raw rows are whole no longer keeps its figures: a late
# row for it is reported, and does not replace them. Since when they are whole goes by what was noted and by that clock,
# so it is right however long the maintenance process is away.
_DIRTY: Final = """SELECT
    toUnixTimestamp64Micro(now64(6)),
    groupUniqArrayIf(intDiv(At, {seconds:UInt32}) * {seconds:UInt32}, Kind IN {buckets:Array(String)}),
    groupUniqArrayIf(intDiv(At, {longer_seconds:UInt32}) * {longer_seconds:UInt32}, Kind = {longer:String}),
    countIf(Kind = {unfinished:String})
FROM
(
    SELECT Kind, toUnixTimestamp(Minute) AS At
    FROM rollup_dirty
    WHERE (has({buckets:Array(String)}, Kind) OR Kind IN ({longer:String}, {unfinished:String}))
        AND Minute >= toDateTime({start:UInt32}, 'UTC')
        AND Minute < toDateTime({end:UInt32}, 'UTC')
    {more}
)
WHERE NOT has({raw:Array(String)}, Kind)
    OR At >= (
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
    )"""

# What a label came for that was not looked at yet, where that is little: more is joined within the half minute, sooner
# than anybody could read it row by row. And days whose scores are in bins of before.
_OF_OUTCOMES: Final = """UNION ALL
    SELECT {kind:String}, arrayJoin(if(length(Quarters) > 40, [], Quarters))
    FROM
    (
        SELECT groupUniqArray(toUnixTimestamp(toStartOfFifteenMinutes(toDateTime(Timestamp, 'UTC')))) AS Quarters
        FROM predictions_data
        WHERE PredictionId IN (SELECT PredictionId FROM label_marks)
            AND Timestamp >= toDateTime64({start:UInt32}, 9, 'UTC')
            AND Timestamp < toDateTime64({end:UInt32}, 9, 'UTC')
    )
    UNION ALL
    SELECT DISTINCT {longer:String}, toUnixTimestamp(Minute)
    FROM rollup_outcomes_1d FINAL
    LEFT ANY JOIN (SELECT ModelName, CreatedAt FROM score_bins FINAL) AS bins
    ON rollup_outcomes_1d.ModelName = bins.ModelName
    WHERE (BinsAt != bins.CreatedAt OR (notEmpty(ScoreCounts) AND BinsAt = toDateTime64(0, 6)))
        AND Minute >= toDateTime({start:UInt32}, 'UTC')
        AND Minute < toDateTime({end:UInt32}, 'UTC')"""

_RECOMPUTED: Final = """SELECT DISTINCT toUnixTimestamp(Minute)
FROM {table}
WHERE ComputedAt > fromUnixTimestamp64Micro({{since_us:Int64}}, 'UTC')
    AND Minute >= toDateTime({{start:UInt32}}, 'UTC')
    AND Minute < toDateTime({{end:UInt32}}, 'UTC')"""


class Dirty(NamedTuple):
    """What of a range may be behind.

    Args:
        as_of_us: The server's time (microseconds) before anything was asked.
        buckets: Starts (epoch seconds) of buckets whose rollup may be behind the raw rows.
        longer: Starts of longer ones that may be behind theirs.
        unfinished: How many longer ones may lack their finished figures, since the schema has these only now.
    """

    as_of_us: int
    buckets: frozenset[int]
    longer: frozenset[int]
    unfinished: int


def dirty_query(rollup: Rollup, span: TimeRange) -> Query:
    """The server's time and what of the range is dirty."""
    kinds = {
        "buckets": [rollup.kind, *rollup.behind],
        "longer": rollup.longer_kind,
        "unfinished": rollup.unfinished_kind,
        "seconds": rollup.seconds,
        "longer_seconds": rollup.longer_seconds,
    }
    raw = _MADE_OF[rollup.kind]
    whole = {"raw": list(_MADE_OF), "horizon": whole_from_name(raw), "lifetime": whole_for_name(raw)}
    more = _OF_OUTCOMES if rollup.of_outcomes else ""
    parameters = {**kinds, **whole, **_bounds(rollup, span)}
    if rollup.of_outcomes:
        parameters["kind"] = rollup.kind
    return Query(_DIRTY.replace("{more}", more), parameters)


async def find_dirty(database: Database, rollup: Rollup, span: TimeRange) -> Dirty:
    """Ask for what is dirty.

    Ask before the data, never after or with it: a bucket that is recomputed in between is then read raw, which is as
    exact, whereas the other way round it could be read from a rollup row of before.
    """
    ((as_of_us, buckets, longer, unfinished),) = await database.fetch(dirty_query(rollup, span))
    return Dirty(int(as_of_us), frozenset(map(int, buckets)), frozenset(map(int, longer)), int(unfinished))


async def recomputed(database: Database, rollup: Rollup, span: TimeRange, since_us: int) -> frozenset[int]:
    """Starts (epoch seconds) of the range's buckets that were computed after a time of the server's (microseconds).

    Ask after the dirty ones: a bucket's mark goes only once its rows are there, so none is missed by both.
    """
    # The table is one of ours.
    query = Query(_RECOMPUTED.format(table=rollup.table), {"since_us": since_us, **_bounds(rollup, span)})
    return frozenset(int(start) for (start,) in await database.fetch(query))


def _bounds(rollup: Rollup, span: TimeRange) -> dict[str, int]:
    longer = rollup.longer_seconds
    return {"start": span.start_ns // (longer * NANOSECONDS) * longer, "end": -(-span.end_ns // NANOSECONDS)}
