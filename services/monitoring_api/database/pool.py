"""Places for statements under way, and the connections that they use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from clickhouse_connect.driver.asyncclient import AsyncClient


class Places:
    """So many statements may be under way at once; the others wait in the order in which they came.

    Args:
        limit: How many.

    Attributes:
        used: Statements under way.
        waiting: Statements that wait.
        timeouts: Statements that were given up while they waited.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.waiting = 0
        self.timeouts = 0
        self._free = asyncio.Semaphore(limit)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Around a statement."""
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1
            self._free.release()


class _Lent:
    """A client, and how many use it."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.users = 0
        self.dropped = False

    async def close_when_unused(self) -> None:
        if self.dropped and self.users == 0:
            await self.client.close()


class SharedClient:
    """The driver's client, which all statements share: made at the first one, and anew once it was dropped.

    Args:
        connect: Makes it.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncClient]]) -> None:
        self._connect = connect
        self._connecting = asyncio.Lock()
        self._current: _Lent | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[AsyncClient]:
        """The client, for one statement."""
        async with self._connecting:
            if self._current is None:
                self._current = _Lent(await self._connect())
            lent = self._current
            lent.users += 1
        try:
            yield lent.client
        finally:
            lent.users -= 1
            await lent.close_when_unused()

    async def drop(self, client: AsyncClient | None = None) -> None:
        """Let a client go: new statements get another, those under way keep it until they end.

        Args:
            client: Which; one that was dropped already is nothing to drop. None: whichever there is.
        """
        lent = self._current
        if lent is not None and client in {None, lent.client}:
            self._current, lent.dropped = None, True
            await lent.close_when_unused()
