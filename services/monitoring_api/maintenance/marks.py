"""Marks of dirty minutes: read, and delete exactly those that were read."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query

# The youngest minutes first: they are what is looked at.
_READ: Final = """SELECT toString(Id), toUnixTimestamp(Minute)
FROM rollup_dirty
WHERE Kind = {kind:String}
    AND Minute < toDateTime({closed_before:UInt32}, 'UTC')
ORDER BY Minute DESC, Id
LIMIT {most:UInt64}"""

_DELETE: Final = """DELETE FROM rollup_dirty
WHERE Kind = {kind:String}
    AND Id IN {ids:Array(UUID)}"""

_CLOCK: Final = "SELECT toUnixTimestamp64Micro(now64(6))"


class Mark(NamedTuple):
    """A minute (its start in epoch seconds) that rows were inserted into."""

    id: str
    minute: int


def marks_query(kind: str, *, closed_before: int, most: int) -> Query:
    """Marks of minutes that began before a time (epoch seconds)."""
    return Query(_READ, {"kind": kind, "closed_before": closed_before, "most": most})


def read_marks(rows: Sequence[Sequence[Any]]) -> list[Mark]:
    """Read the answer to `marks_query`."""
    return [Mark(str(identity), int(minute)) for identity, minute in rows]


def delete_query(kind: str, marks: Sequence[Mark]) -> Query:
    """Delete these marks; one set in the meantime has another id and stays."""
    return Query(_DELETE, {"kind": kind, "ids": [mark.id for mark in marks]})


def clock_query() -> Query:
    """ClickHouse's own time in microseconds: the version of what is computed."""
    return Query(_CLOCK)
