"""How many predictions are under way at once, and how many may wait for their turn."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

from services.ml_api.deadline import Deadline
from services.web.problems import TooManyRequests, TooSlow

_RETRY_AFTER_SECONDS: Final = 1


class Gate:
    """Admits a bounded number of requests, and lets a bounded number of those call the model, in order of arrival.

    Belongs to one event loop. A request is admitted (`with gate.admit():`), gets ready, takes a turn (`await
    gate.take_turn(...)`) and gives it back (`gate.end_turn()`) when its call has ended, not when it gave up waiting
    for it: a call that hangs keeps its turn.

    Args:
        concurrent: How many calls may be under way at once.
        waiting: How many more requests may be admitted.
    """

    def __init__(self, *, concurrent: int, waiting: int) -> None:
        self._free = concurrent
        self._room = concurrent + waiting
        self._queue: deque[asyncio.Future[None]] = deque()

    def admit(self) -> "Admission":
        """Let one more request in, until the returned block ends.

        Raises:
            TooManyRequests: There are too many already.
        """
        if self._room <= 0:
            raise TooManyRequests(
                "Too many predictions are under way; ask again in a moment.",
                headers={"Retry-After": str(_RETRY_AFTER_SECONDS)},
            )
        self._room -= 1
        return Admission(self)

    def leave(self) -> None:
        """One admitted request is over."""
        self._room += 1

    def take_free_turn(self) -> bool:
        """Take a turn if one is free and nobody waits for it."""
        if self._free <= 0 or self._queue:
            return False
        self._free -= 1
        return True

    async def wait_for_turn(self, deadline: Deadline, *, now: float) -> None:
        """Take a turn as soon as it is ours.

        Raises:
            TooSlow: The deadline came first.
        """
        if self.take_free_turn():
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(deadline.remaining(now)):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It became ours in the very moment we gave up.
                self.end_turn()
            elif turn in self._queue:
                self._queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise TooSlow("The prediction did not get its turn in time.", retry_after_seconds=1) from None
            raise

    def end_turn(self) -> None:
        """A call has ended: the next in the queue gets its turn."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Admission:
    """The stay of one admitted request."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        self._gate.leave()
