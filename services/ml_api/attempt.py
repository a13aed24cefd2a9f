"""Work beside the event loop that somebody waits for, but not for ever."""

import threading


class AbandonedError(Exception):
    """Nobody waits any more; the work must leave no trace."""


class Attempt:
    """Settles once whether a piece of work counts: either it commits, or its waiter abandons it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settled = False

    def commit(self) -> None:
        """Say that what follows counts: from here on the waiter waits to the end.

        Raises:
            AbandonedError: The waiter gave up before.
        """
        if not self._settle():
            raise AbandonedError

    def abandon(self) -> bool:
        """Give up, unless the work has committed already; whether it has not."""
        return self._settle()

    def _settle(self) -> bool:
        with self._lock:
            first = not self._settled
            self._settled = True
            return first
