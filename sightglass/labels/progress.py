"""One line on a terminal that says how far a long work is."""

import time
from collections.abc import Callable
from typing import Final, TextIO

_WIDTH: Final = 24
_REDRAW_SECONDS: Final = 0.1
_CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """A bar with rate and time left, and notes above it.

    Args:
        stream: Where it is drawn.
        visible: Draw the bar; notes are always written.
        clock: Seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, visible: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._visible = visible
        self._clock = clock
        self.begin("")

    def begin(self, title: str, share: float = 0.0) -> None:
        """Start a new work.

        Args:
            title: What is being done.
            share: How much of it was done before, from 0 to 1.
        """
        self._title = title
        self._began = self._clock()
        self._first_share = share
        self._drawn = float("-inf")

    def update(self, rows: int, share: float) -> None:
        """Show how far it is, unless that was shown a moment ago.

        Args:
            rows: Rows done since the beginning of this work.
            share: How much of the whole is done, from 0 to 1.
        """
        now = self._clock()
        if not self._visible or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        self._stream.write(_CLEAR_LINE + bar(self._title, rows, share, self._first_share, now - self._began))
        self._stream.flush()

    def note(self, text: str) -> None:
        """Write a line that stays."""
        self.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._visible:
            self._stream.write(_CLEAR_LINE)
            self._stream.flush()
            self._drawn = float("-inf")


def bar(title: str, rows: int, share: float, first_share: float, seconds: float) -> str:
    """The line: title, bar, percentage, rows, rate and time left, as far as they are known.

    Args:
        title: What is being done.
        rows: Rows done in `seconds`; none are shown when 0.
        share: How much of the whole is done, from 0 to 1.
        first_share: How much of it was done before.
        seconds: Since the beginning.
    """
    full = int(_WIDTH * share)
    line = f"{title} [{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%}"
    if rows and seconds > 0:
        line += f"  {rows:,} rows  {rows / seconds:,.0f}/s"
    if share > first_share and seconds >= 1:
        left = int(seconds * (1 - share) / (share - first_share))
        line += f"  {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"
    return line
