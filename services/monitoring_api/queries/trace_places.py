"""Which traces a page of a search holds, and where in the order each stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.cursor import Cursor
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.stored_time import WITHIN, newest_first, within
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# Later than everything: on the first page nothing has arrived too late.
_NEVER_MS: Final = 7_258_118_400_000  # 2200-01-01T00:00:00Z
# Spans of a trace further than this from those that match are not looked for.
_LONGEST_SECONDS: Final = 86_400
LATE: Final = "ArrivedAt > fromUnixTimestamp64Milli({as_of_ms:Int64})"

_BOUNDS: Final = """SELECT TraceId, toUnixTimestamp(min(Start)), toUnixTimestamp(max(End))
FROM otel_traces_trace_id_ts
WHERE TraceId IN {trace_ids:Array(String)}
GROUP BY TraceId"""


class TraceSort(StrEnum):
    """What a search puts first."""

    TIME = "time"
    DURATION = "duration"


# What decides a trace's place: of the spans that match and had arrived at the first page, the first or the longest.
# Without such a span it is that of those that came later: no trace is left out, and none moves between pages.
_PLACES: Final[Mapping[TraceSort, str]] = {
    TraceSort.TIME: f"min(tuple({LATE}, toUnixTimestamp64Nano(Timestamp)))",
    TraceSort.DURATION: f"max(tuple(NOT ({LATE}), Duration))",
}


@dataclass(frozen=True, slots=True)
class Search:
    """A question for traces.

    Args:
        selection: What at least one span of a trace meets.
        span: When that span starts.
        sort: What comes first.
    """

    selection: SpanSelection
    span: TimeRange
    sort: TraceSort


@dataclass(frozen=True, slots=True)
class Place:
    """A trace on a page.

    Args:
        trace_id: Its id.
        value: What it is sorted by: nanoseconds since 1970, or of a duration.
        first: When the first of its matching spans that were read started, in epoch seconds rounded down.
        last: The same of the last.
        as_of_ms: ClickHouse's time at the question, in milliseconds since 1970.
    """

    trace_id: str
    value: int
    first: int
    last: int
    as_of_ms: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read a row of `places_query`."""
        trace_id, *numbers = row
        return cls(str(trace_id), *map(int, numbers))


def places_query(search: Search, start_ns: int, *, limit: int, after: Cursor | None) -> Query:
    """The traces of a page in order: id, what they are sorted by, bounds of what matches, and ClickHouse's time.

    Duplicates need no care here: the first or longest of equal spans is the same.

    Args:
        search: What is asked.
        start_ns: Only spans from here on are read.
        limit: How many traces.
        after: The last trace of the page before.
    """
    conditions = "\n    AND ".join([*WITHIN, *search.selection.conditions()])
    # Texts of ours; what people give is bound.
    sql = f"""SELECT
    TraceId,
    tupleElement({_PLACES[search.sort]}, 2) AS Value,
    toUnixTimestamp(min(Timestamp)),
    toUnixTimestamp(max(Timestamp)),
    toUnixTimestamp64Milli(now64(3))
FROM otel_traces
WHERE {conditions}
GROUP BY TraceId"""  # noqa: S608
    parameters: dict[str, Any] = {
        **search.selection.parameters(),
        **within(TimeRange(start_ns, search.span.end_ns)),
        "as_of_ms": _NEVER_MS if after is None else after.as_of_ms,
        "limit": limit,
    }
    if after is not None:
        sql += "\nHAVING Value < {after:UInt64} OR (Value = {after:UInt64} AND TraceId < {after_id:String})"
        parameters |= {"after": after.value, "after_id": after.tie}
    return Query(sql + "\nORDER BY Value DESC, TraceId DESC\nLIMIT {limit:UInt64}", parameters)


def bounds_query(trace_ids: Sequence[str]) -> Query:
    """For each trace, when its first and its last span started, in epoch seconds rounded down."""
    return Query(_BOUNDS, {"trace_ids": list(trace_ids)})


async def trace_bounds(database: Database, trace_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each trace that is stored, when its first and its last span started, in epoch seconds rounded down."""
    rows = await database.fetch(bounds_query(trace_ids))
    return {str(trace_id): (int(first), int(last)) for trace_id, first, last in rows}


async def find_places(
    database: Database, search: Search, limit: int, after: Cursor | None
) -> tuple[list[Place], dict[str, tuple[int, int]]]:
    """The places of a page, from the newest part of the range when that is enough, and the bounds of their traces."""
    newest = search.span.end_ns if after is None else min(after.value, search.span.end_ns)
    starts = newest_first(search.span, newest) if search.sort is TraceSort.TIME else [search.span.start_ns]
    for start_ns in starts:
        rows = await database.fetch(places_query(search, start_ns, limit=limit, after=after))
        places = [Place.of(row) for row in rows]
        whole = start_ns == search.span.start_ns
        if not places or (len(places) < limit and not whole):
            continue
        known = await trace_bounds(database, [place.trace_id for place in places])
        bounds = {place.trace_id: _widened(place, known.get(place.trace_id)) for place in places}
        # A trace that began before what was read may have its place there.
        if whole or all(first * NANOSECONDS >= start_ns for first, _ in bounds.values()):
            return places, bounds
    return [], {}


def _widened(place: Place, known: tuple[int, int] | None) -> tuple[int, int]:
    """A trace's bounds, which are stored a moment after its spans, with the spans that were just read."""
    first, last = known or (place.first, place.last)
    # One span with a wrong clock must not make the whole table be read.
    first, last = max(first, place.first - _LONGEST_SECONDS), min(last, place.last + _LONGEST_SECONDS)
    return min(first, place.first), max(last, place.last)
