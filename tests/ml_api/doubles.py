"""Models that misbehave, for tests."""

import threading

from services.ml_api.scoring import Decision, Pace
from services.ml_api.weather import WeatherTable
from sightglass import Model

MEDIANS = {"temperature": 50.0}


class FakePredictor:
    """Answers every row with the same decision.

    Attributes:
        calls: The number of rows of each call.
        hold: Calls wait until it is set.
        error: Raised by every call when there is one.
        entered: Set when a call has begun.
    """

    def __init__(self, version="v1"):
        self.model = Model(name="fake", version=version, task="binary")
        self.weather = WeatherTable({}, dict.fromkeys(("EWR", "JFK", "LGA"), MEDIANS))
        self.pace = Pace()
        self.calls = []
        self.error = None
        self.entered = threading.Event()
        self.hold = threading.Event()
        self.hold.set()

    def decide(self, rows):
        """One decision for each row."""
        self.entered.set()
        assert self.hold.wait(20)
        self.calls.append(len(rows))
        if self.error is not None:
            raise self.error
        return [Decision("late", 0.75, True, {"late": 0.75, "on_time": 0.25})] * len(rows)
