"""What the maintenance process remembers: a number for each name, which others may read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.monitoring_api.database import Database, Query

# How many bytes of the disk are to stay free.
LEAST_FREE_BYTES: Final = "least_free_bytes"
# Up to when (epoch seconds) traces were looked at and those to keep were copied.
TRACES_KEPT_TO: Final = "traces_kept_to"
# When (epoch seconds) a day of spans last went whose traces could not be copied before.
TRACES_LOST_AT: Final = "traces_lost_at"

_READ: Final = "SELECT Name, Value FROM maintenance_state FINAL"


def whole_from_name(table: str) -> str:
    """What the time is called from which on a table's rows are whole (epoch seconds)."""
    return f"whole_from:{table}"


def whole_for_name(table: str) -> str:
    """What it is called for how long (seconds) a table's rows stay whole from their own time on."""
    return f"whole_for:{table}"


def state_query() -> Query:
    """All of it."""
    return Query(_READ)


def read_state(rows: Sequence[Sequence[Any]]) -> dict[str, int]:
    """Read the answer to `state_query`."""
    return {str(name): int(value) for name, value in rows}


def whole_since(state: Mapping[str, int], table: str, now: float) -> float:
    """Since when (epoch seconds) a table's rows are whole; 0 when none ever went.

    Args:
        state: What is remembered.
        table: The table.
        now: The time, epoch seconds.
    """
    kept = state.get(whole_for_name(table))
    return max(state.get(whole_from_name(table), 0), 0.0 if kept is None else now - kept)


async def maintained(database: Database) -> dict[str, int]:
    """Everything that is remembered, by name."""
    return read_state(await database.fetch(state_query()))
