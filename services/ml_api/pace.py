"""How quick a model has been of late: a quick one is called on the event loop, a slow one in a thread beside it."""

from typing import Final

_SLOW_SECONDS: Final = 0.02
_QUICK_IN_A_ROW: Final = 10


class Pace:
    """Says whether the next call may hold up the event loop.

    A hop to a thread costs more than this model's whole call, so only a call that was slow makes the next ones take
    it, until several in a row were quick again.
    """

    def __init__(self) -> None:
        self._quick_needed = 0

    @property
    def quick(self) -> bool:
        """Whether calls are microseconds of work."""
        return self._quick_needed == 0

    def note(self, seconds: float) -> None:
        """Take a call of a few rows into account."""
        if seconds >= _SLOW_SECONDS:
            self._quick_needed = _QUICK_IN_A_ROW
        elif self._quick_needed:
            self._quick_needed -= 1
