"""Traces by what their spans are: first the ids of a page, then these traces' spans, each once."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.monitoring_api.database import Database
from services.monitoring_api.queries.cursor import Cursor
from services.monitoring_api.queries.trace_places import Search, find_places
from services.monitoring_api.queries.trace_summaries import FoundTrace, found_trace, summaries_query


@dataclass(frozen=True, slots=True)
class TracePage:
    """Traces in order, and where the next page begins; None after the last."""

    traces: Sequence[FoundTrace]
    following: Cursor | None


async def search_traces(database: Database, search: Search, *, limit: int, after: Cursor | None = None) -> TracePage:
    """A page of traces, each once.

    Args:
        database: Where to ask.
        search: What is asked; on a later page over the range of the first.
        limit: How many traces a page holds at most.
        after: Where the page before ended.
    """
    places, bounds = await find_places(database, search, limit + 1, after)
    page = places[:limit]
    if not page:
        return TracePage([], None)
    as_of_ms = page[0].as_of_ms if after is None else after.as_of_ms
    shown = {place.trace_id: bounds[place.trace_id] for place in page}
    rows = await database.fetch(summaries_query(search, shown, as_of_ms=as_of_ms))
    traces = {str(row[0]): found_trace(row) for row in rows}
    following = None
    if len(places) > limit:
        following = Cursor(page[-1].value, page[-1].trace_id, search.span, as_of_ms)
    return TracePage([traces[place.trace_id] for place in page if place.trace_id in traces], following)
