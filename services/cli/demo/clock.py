"""The demo's one time compression: real time in, flight time out, and back.

New York's 923 flights a day are too few for minute charts, so an hour of real time shows a flight day. The same
straight line serves backfill, labels and live traffic, which is why no chart has a step at 'now'.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

COMPRESSION = 24
ANCHOR = datetime(2013, 12, 8)  # noqa: DTZ001 - flight time is New York's wall clock, kept naive on purpose
# The clock starts this long before the demo does: at midnight no flight leaves, so at first nothing would be seen live.
HEAD_START_SECONDS = 8 * 3600 / COMPRESSION
SERVING_START = datetime(2013, 10, 1)  # noqa: DTZ001
SERVING_END = datetime(2014, 1, 1)  # noqa: DTZ001
SERVING_SECONDS = (SERVING_END - SERVING_START).total_seconds()


@dataclass(frozen=True)
class FlightWindow:
    """A stretch of one pass through the serving months: flight times `[start, end)` and the pass they belong to."""

    start: datetime
    end: datetime
    cycle: int


@dataclass(frozen=True)
class FlightClock:
    """Maps epoch seconds to flight time: `2013-12-08 00:00 + 24 x (now - first start)`.

    Only served months are shown: after 31 December it goes on at 1 October (the next `cycle`), and before
    1 October it comes from 31 December (the previous one). Trained rows are never replayed.

    Args:
        first_start: epoch seconds of the demo's first start on this data folder.
    """

    first_start: float

    @classmethod
    def showing(cls, flight_time: datetime, now: float) -> "FlightClock":
        """Return the clock that shows `flight_time` at `now` (epoch seconds)."""
        position = (flight_time - SERVING_START).total_seconds()
        return cls(now - (position - _ANCHOR_POSITION) / COMPRESSION)

    def flight_time(self, now: float) -> tuple[datetime, int]:
        """Return the flight time shown at `now` (epoch seconds) and its cycle (0 holds the first start)."""
        cycle, position = divmod(self._position(now), SERVING_SECONDS)
        return SERVING_START + timedelta(seconds=position), int(cycle)

    def real_time(self, flight_time: datetime, cycle: int) -> float:
        """Return the epoch seconds at which `flight_time` of `cycle` is shown."""
        position = (flight_time - SERVING_START).total_seconds() + cycle * SERVING_SECONDS
        return self.first_start + (position - _ANCHOR_POSITION) / COMPRESSION

    def windows(self, start: float, end: float) -> Iterator[FlightWindow]:
        """Split real time `[start, end)` (epoch seconds) into flight windows, one for each cycle it touches."""
        if end <= start:
            return
        first_cycle = self.flight_time(start)[1]
        last_cycle = self.flight_time(end)[1]
        for cycle in range(first_cycle, last_cycle + 1):
            window_start = self.flight_time(start)[0] if cycle == first_cycle else SERVING_START
            window_end = self.flight_time(end)[0] if cycle == last_cycle else SERVING_END
            if window_end > window_start:
                yield FlightWindow(window_start, window_end, cycle)

    def _position(self, now: float) -> float:
        return _ANCHOR_POSITION + COMPRESSION * (now - self.first_start)


_ANCHOR_POSITION = (ANCHOR - SERVING_START).total_seconds()
