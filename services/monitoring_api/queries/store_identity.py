"""Which ClickHouse it is that answers, and in which schema: what is kept of one is nothing to another."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from services.monitoring_api.database import Database, Query

# A store that was made anew has other times at which its migrations ran.
_IDENTITY: Final = """SELECT
    max(version),
    hex(groupBitXor(sipHash64(version, checksum, applied_at)))
FROM schema_migrations FINAL"""
# A migration, or a store made anew, while this process runs, is noticed within this time.
_SECONDS: Final = 60.0
_DEADLINE_SECONDS: Final = 1.0


class StoreIdentity:
    """The identity of a database's schema, asked for once a minute.

    Args:
        database: Whose.
        clock: Monotonic seconds.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._asking = asyncio.Lock()
        self._known: tuple[float, str] | None = None

    async def __call__(self) -> str:
        """The schema's version and a mark of this store.

        Raises:
            Problem: ClickHouse does not say.
        """
        if (known := self._fresh()) is not None:
            return known
        async with self._asking:
            if (known := self._fresh()) is not None:
                return known
            ((version, mark),) = await self._database.fetch(Query(_IDENTITY), deadline_seconds=_DEADLINE_SECONDS)
            self._known = self._clock(), f"{version}:{mark}"
            return self._known[1]

    def _fresh(self) -> str | None:
        return self._known[1] if self._known and self._clock() - self._known[0] < _SECONDS else None
