"""A figure that costs something: made for all who ask at once, and kept for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Figure = TypeVar("Figure")


class Remembered(Generic[Figure]):
    """One figure. A failure is not kept: whoever asks next makes it again.

    Args:
        seconds: How long it is kept.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: tuple[float, Figure] | None = None
        self._making: asyncio.Task[Figure] | None = None

    async def get(self, make: Callable[[], Awaitable[Figure]]) -> Figure:
        """The figure as it was made within the last seconds, or made now.

        Args:
            make: Makes it. It goes on when who asked first has left, for others may wait.
        """
        if self._kept is not None and self._clock() - self._kept[0] < self._seconds:
            return self._kept[1]
        if self._making is None:
            self._making = asyncio.create_task(self._make(make))
        return await asyncio.shield(self._making)

    async def _make(self, make: Callable[[], Awaitable[Figure]]) -> Figure:
        try:
            figure = await make()
            self._kept = (self._clock(), figure)
            return figure
        finally:
            self._making = None
