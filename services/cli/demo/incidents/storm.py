"""A winter storm: the demo's clock jumps to 10 December 2013, when snow closed in on New York."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.cli.demo.clock import FlightClock
from services.cli.demo.incidents.incident import Planted, Question, Scene, Story

_STORM: Final = datetime(2013, 12, 10, 6)  # noqa: DTZ001 - flight time is New York's wall clock


@dataclass(frozen=True)
class Storm:
    """Live traffic follows a clock that shows the storm now; what lies before and after keeps the demo's clock."""

    story: Story

    def plant(self, scene: Scene, now: float) -> Planted:
        """Jump."""
        if scene.traffic is None:
            return {}
        own = scene.traffic.schedule
        scene.traffic.follow(own.on(FlightClock.showing(_STORM, now)))
        return {"first_start": own.clock.first_start}

    def mend(self, scene: Scene, planted: Planted) -> None:
        """Go on by the demo's own clock; labels of the storm's flights are told when they land."""
        if scene.traffic is not None and "first_start" in planted:
            scene.traffic.follow(scene.traffic.schedule.on(FlightClock(planted["first_start"])))


STORM: Final = Storm(
    Story(
        "storm",
        "Snow: the demo's clock jumps to 10 December 2013, 06:00, and live flights are those of that day.",
        "MostlyPositiveLabels",
        26,
        "Most flights are late, and the model did not see it coming: wrong predictions share their weather.",
        "models?section=wrong&model=flight-delay",
        Question(
            "predictions/wrong/explain",
            {"model": "flight-delay"},
            ("temperature", "humidity", "visibility", "precipitation", "pressure", "wind_speed", "wind_gust"),
        ),
    )
)
