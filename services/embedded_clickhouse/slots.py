"""How many statements of each user may run at once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from services.embedded_clickhouse.errors import ClickHouseError
from services.embedded_clickhouse.roles import Role


class Slots:
    """A bounded number of engine handles per user; who finds none waits for a moment and is then told so.

    Args:
        roles: the users with their number of slots.
        wait_seconds: how long a statement waits.
    """

    def __init__(self, roles: Mapping[str, Role], *, wait_seconds: float) -> None:
        self._slots = {name: asyncio.Semaphore(role.slots) for name, role in roles.items()}
        self._counts = {name: role.slots for name, role in roles.items()}
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def taken(self, user: str) -> AsyncIterator[None]:
        """Hold a slot of a user.

        Raises:
            ClickHouseError: 202 where none became free in time.
        """
        slot = self._slots[user]
        try:
            async with asyncio.timeout(self._wait_seconds):
                await slot.acquire()
        except TimeoutError:
            raise ClickHouseError(
                202,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many simultaneous queries for user {user}. Maximum: {self._counts[user]}. Try again in a moment, "
                f"or raise SIGHTGLASS_CLICKHOUSE_{user.upper()}_SLOTS.",
            ) from None
        try:
            yield
        finally:
            slot.release()
