"""Live flights against the ML API over HTTP, at the same compression as the backfill."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from services.cli.demo.ledger import DueLabel, Ledger
from services.cli.demo.requests import LABELS_PATH, PREDICT_PATH, ApiRequest, label_request, predict_request
from services.cli.demo.schedule import Departure, Schedule

_BATCH_SECONDS = 60.0
_LOOK_AHEAD_SECONDS = 3600.0


@dataclass(frozen=True)
class Answer:
    """One answered request: its route, the prediction it is about, and when it was sent (`time.monotonic()`)."""

    path: str
    prediction_id: str
    sent_at: float


@dataclass
class Served:
    """What live traffic has done since it began."""

    predictions: int = 0
    labels: int = 0
    failures: int = 0
    last_failure: str = ""
    flights: str = ""


class Traffic:
    """Replays flights as they fall due; what is answered is booked, so that nothing is sent twice.

    Args:
        schedule: which flights depart when.
        ledger: where progress is booked.
        client: bound to the ML API.
    """

    def __init__(self, schedule: Schedule, ledger: Ledger, client: httpx.Client) -> None:
        self._schedule = schedule
        self._sends: Callable[[Departure], bool] = _every
        self._ledger = ledger
        self._client = client
        self._waiting: Iterator[Departure] = iter(())
        self._next: Departure | None = None
        self._planned_until: float | None = None
        self.served = Served()

    @property
    def schedule(self) -> Schedule:
        """Which flights depart when."""
        return self._schedule

    def follow(self, schedule: Schedule) -> None:
        """Send the flights of another timetable from the next one on."""
        self._schedule = schedule
        self._waiting, self._next, self._planned_until = iter(()), None, None

    def send_only(self, sends: Callable[[Departure], bool] | None) -> None:
        """Ask about these flights only, and about others never; None: about every flight again."""
        self._sends = sends or _every

    def catch_up(
        self, now: float, *, labels_until: float = math.inf, answered: Callable[[Answer], None] = lambda _: None
    ) -> bool:
        """Send every prediction and label that has fallen due by `now` (epoch seconds).

        Args:
            now: the moment up to which the replay goes.
            labels_until: a flight that lands later is not told of, however far the replay goes.
            answered: called after each request that was answered with success.

        Returns:
            False as soon as a request fails; it is sent again by the next call.
        """
        while (departure := self._upcoming(now)) is not None:
            told = self._tell_labels(min(departure.at, labels_until), answered)
            if not told or not (
                self._predict(departure, answered) if self._sends(departure) else self._skip(departure)
            ):
                return False
        return self._tell_labels(min(now, labels_until), answered)

    def next_departure(self, now: float) -> Departure | None:
        """Return the next flight that is not sent yet, None when none follows within an hour."""
        if self._next is not None:
            return self._next
        start = self._ledger.covered_until() or now
        return next(self._schedule.departures(start, max(start, now) + _LOOK_AHEAD_SECONDS), None)

    def upcoming(self, count: int, now: float) -> float:
        """Return the moment by which the next `count` flights have fallen due (epoch seconds)."""
        start = self._ledger.covered_until() or now
        departures = self._schedule.departures(start, start + _LOOK_AHEAD_SECONDS)
        moments = [departure.at for departure in itertools.islice(departures, count)]
        return max([now, *moments])

    def _upcoming(self, now: float) -> Departure | None:
        """Return the next departure not yet sent, None when none is due by `now`."""
        while self._next is None:
            self._next = next(self._waiting, None)
            if self._next is None:
                start = self._planned_until if self._planned_until is not None else self._ledger.covered_until() or now
                if start > now:
                    return None
                self._planned_until = start + _BATCH_SECONDS
                self._waiting = self._schedule.departures(start, self._planned_until)
        return self._next if self._next.at <= now else None

    def _predict(self, departure: Departure, answered: Callable[[Answer], None]) -> bool:
        sent_at = time.monotonic()
        body = self._post(predict_request(departure.flight))
        if body is None:
            return False
        prediction_id = str(body["prediction_id"])
        label = departure.flight.label
        coming = None
        if departure.due is not None and label is not None:
            coming = DueLabel(prediction_id, label, departure.due)
        self._ledger.record_served(covered_until=departure.at, coming=coming)
        self._next = None
        self.served.predictions += 1
        self.served.flights = departure.flight.key
        answered(Answer(PREDICT_PATH, prediction_id, sent_at))
        return True

    def _skip(self, departure: Departure) -> bool:
        self._ledger.record_served(covered_until=departure.at, coming=None)
        self._next = None
        return True

    def _tell_labels(self, now: float, answered: Callable[[Answer], None]) -> bool:
        for due in self._ledger.due_before(now):
            sent_at = time.monotonic()
            if self._post(label_request(due.prediction_id, due.label, due.due)) is None:
                return False
            self._ledger.record_told([due.prediction_id])
            self.served.labels += 1
            answered(Answer(LABELS_PATH, due.prediction_id, sent_at))
        return True

    def _post(self, request: ApiRequest) -> dict[str, Any] | None:
        try:
            response = request.post(self._client)
            response.raise_for_status()
        except httpx.HTTPError as error:
            self.served.failures += 1
            self.served.last_failure = str(error)
            return None
        body: dict[str, Any] = response.json()
        return body


def _every(_: Departure) -> bool:
    return True
