"""What the rest of the monitoring API needs of a database."""

from collections.abc import Sequence
from typing import Any, Protocol

from services.monitoring_api.database.query import Query


class Database(Protocol):
    """A ClickHouse to ask.

    Every method raises `DatabaseUnavailable` when it can't be reached and `DatabaseTooSlow` when the answer does not
    come within the deadline; both are problems with a status and a Retry-After of their own.
    """

    async def fetch(self, query: Query, *, deadline_seconds: float | None = None) -> Sequence[tuple[Any, ...]]:
        """Every row of the answer, in the order of the statement's columns.

        Args:
            query: What to ask.
            deadline_seconds: Longest wait for the whole answer; None takes the database's own.
        """
        ...

    async def execute(self, query: Query, *, deadline_seconds: float | None = None) -> None:
        """Run a statement that returns no rows."""
        ...

    async def close(self) -> None:
        """Let the connections go."""
        ...
