"""A database with one deadline over all that a request asks."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from services.monitoring_api.database.protocol import Database
from services.monitoring_api.database.query import Query

# With less than this left there is no point in asking; the wait then ends at once as 'too slow'.
_LEAST_SECONDS = 0.001


class Deadline:
    """Another database whose questions must all be answered by one moment.

    Args:
        database: The one to ask.
        seconds: How long all questions together may take.
        clock: Monotonic seconds.
    """

    def __init__(self, database: Database, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._ends = clock() + seconds

    async def fetch(self, query: Query, *, deadline_seconds: float | None = None) -> Sequence[tuple[Any, ...]]:
        """Every row of the answer (see `Database.fetch`)."""
        return await self._database.fetch(query, deadline_seconds=self._left(deadline_seconds))

    async def execute(self, query: Query, *, deadline_seconds: float | None = None) -> None:
        """Run a statement that returns no rows (see `Database.execute`)."""
        await self._database.execute(query, deadline_seconds=self._left(deadline_seconds))

    async def close(self) -> None:
        """Nothing of its own to let go."""

    def _left(self, wanted: float | None) -> float:
        left = max(_LEAST_SECONDS, self._ends - self._clock())
        return left if wanted is None else min(left, wanted)
