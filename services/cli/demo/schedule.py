"""Which flights depart, and which labels fall due, in a stretch of real time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from services.cli.demo.clock import COMPRESSION, FlightClock
from services.ml_api.flights import Flight, FlightTable

_MINUTE_SECONDS = 60


@dataclass(frozen=True)
class Departure:
    """One flight of the replay: it is predicted at `at`; its label, if it ever has one, falls due at `due`.

    Args:
        flight: the flight.
        at: epoch seconds of its prediction.
        due: epoch seconds of its arrival; None when it never arrived.
        seed: 32 bytes that are always the same for this flight, cycle and data folder.
    """

    flight: Flight
    at: float
    due: float | None
    seed: bytes


class Schedule:
    """The replay's timetable: flights of the serving months on the demo's clock."""

    def __init__(self, table: FlightTable, clock: FlightClock) -> None:
        self._table = table
        self._clock = clock

    @property
    def clock(self) -> FlightClock:
        """Its clock."""
        return self._clock

    def on(self, clock: FlightClock) -> "Schedule":
        """Return the same flights on another clock."""
        return Schedule(self._table, clock)

    def departures(self, start: float, end: float) -> Iterator[Departure]:
        """The flights whose prediction lies in real time `[start, end)` (epoch seconds), in order."""
        found: list[Departure] = []
        # A flight is moved within its scheduled minute, so the table is asked from one flight minute earlier on.
        for window in self._clock.windows(start - _MINUTE_SECONDS / COMPRESSION, end):
            for flight in self._table.between(window.start, window.end):
                departure = self._departure(flight, window.cycle)
                if start <= departure.at < end:
                    found.append(departure)
        found.sort(key=lambda departure: departure.at)
        yield from found

    def _departure(self, flight: Flight, cycle: int) -> Departure:
        text = f"{self._clock.first_start!r}/{cycle}/{flight.key}"
        seed = hashlib.blake2b(text.encode(), digest_size=32).digest()
        # Timetables know full minutes only; without this, flights of one minute would come in one burst.
        within = int.from_bytes(seed[:4], "big") / 2**32 * _MINUTE_SECONDS / COMPRESSION
        at = self._clock.real_time(flight.scheduled_departure, cycle) + within
        due = None
        if flight.actual_arrival is not None and flight.label is not None:
            due = max(self._clock.real_time(flight.actual_arrival, cycle) + within, at)
        return Departure(flight, at, due, seed)
