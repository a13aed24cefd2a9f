"""Blocking engine calls, made in threads and never abandoned there."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class EngineThreads:
    """The threads in which the engine works.

    Args:
        count: how many calls may be under way.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="engine")

    async def call(self, function: Callable[_P, _R], *arguments: _P.args, **keywords: _P.kwargs) -> _R:
        """Run a blocking call; when the task is cancelled, the call is still waited for, for its session is in use."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*arguments, **keywords))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True)
