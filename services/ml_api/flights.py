"""The flights of 2013 one by one, in order of scheduled departure: what replays and backfills iterate.

flights = FlightTable(load_dataset(cache_folder))
for flight in flights.between(datetime(2013, 12, 8), datetime(2013, 12, 9)):
    flight.request_body()      # for POST /v1/predict
    flight.plan                # for Predictor.predict
    flight.actual_arrival      # when the label becomes known; None: cancelled or diverted, never a label
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from services.ml_api.dataset import Dataset
from services.ml_api.features import FlightPlan

LATE = "late"
ON_TIME = "on_time"


@dataclass(frozen=True, slots=True)
class Flight:
    """One flight. Times are New York's local time without zone."""

    key: str
    """Stable and unique: ``2013-12-08T07:15/UA/1545/EWR``."""
    plan: FlightPlan
    flight_number: int
    tail_number: str | None
    scheduled_arrival: datetime
    actual_arrival: datetime | None
    """None when it was cancelled or diverted."""
    label: str | None
    """``late`` (15 or more minutes), ``on_time``, or None when it never arrived."""

    @property
    def scheduled_departure(self) -> datetime:
        """By the timetable."""
        return self.plan.sched_dep

    def request_body(self) -> dict[str, Any]:
        """The body of ``POST /v1/predict`` for this flight."""
        plan = self.plan
        body: dict[str, Any] = {
            "features": {
                "carrier": plan.carrier,
                "origin": plan.origin,
                "dest": plan.dest,
                "distance": plan.distance,
                "sched_dep": plan.sched_dep.isoformat(timespec="minutes"),
            }
        }
        if self.tail_number:
            body["entity_id"] = self.tail_number
        return body


class FlightTable:
    """All flights of a data set, found by scheduled departure."""

    def __init__(self, dataset: Dataset) -> None:
        self._data = dataset

    def count(self, start: datetime, end: datetime) -> int:
        """How many flights are scheduled to depart in [start, end)."""
        first, last = self._range(start, end)
        return last - first

    def between(self, start: datetime, end: datetime) -> Iterator[Flight]:
        """The flights scheduled to depart in [start, end), in that order.

        Args:
            start: New York's local time without zone.
            end: The same; the flight at this very minute is not in.
        """
        data = self._data
        chosen = slice(*self._range(start, end))
        labels = {1: LATE, 0: ON_TIME}
        # Whole columns become Python values at once: many times faster than cell by cell.
        columns = (
            data.carrier[chosen].tolist(),
            data.flight[chosen].tolist(),
            data.tail_number[chosen].tolist(),
            data.origin[chosen].tolist(),
            data.dest[chosen].tolist(),
            data.distance[chosen].tolist(),
            data.scheduled_departure[chosen].tolist(),
            data.scheduled_arrival[chosen].tolist(),
            data.actual_arrival[chosen].tolist(),
            data.late[chosen].tolist(),
        )
        for carrier, number, tail, origin, dest, distance, departure, arrival, arrived, late in zip(
            *columns, strict=True
        ):
            yield Flight(
                key=f"{departure.isoformat(timespec='minutes')}/{carrier}/{number}/{origin}",
                plan=FlightPlan(carrier, origin, dest, distance, departure),
                flight_number=number,
                tail_number=tail or None,
                scheduled_arrival=arrival,
                actual_arrival=arrived,
                label=labels.get(late),
            )

    def _range(self, start: datetime, end: datetime) -> tuple[int, int]:
        times = self._data.scheduled_departure
        bounds = np.array([start, end], dtype="datetime64[us]")
        first, last = np.searchsorted(times, bounds, side="left")
        return int(first), max(int(first), int(last))
