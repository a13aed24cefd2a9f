"""The weather store in trouble: slow for one airport, or away altogether."""

from dataclasses import dataclass
from typing import Final

from services.cli.demo.incidents.incident import Planted, Question, Scene, Story
from services.ml_api.faults import Faults, WeatherFault, write_faults

AIRPORT: Final = "EWR"
_SLOW_SECONDS: Final = 1.5
# A connection that is given up; short of what counts as a slow request.
_AWAY_SECONDS: Final = 0.4
_AWAY_SHARE: Final = 0.8


@dataclass(frozen=True)
class WeatherTrouble:
    """A fault of the ML API's weather lookups."""

    story: Story
    fault: WeatherFault

    def plant(self, scene: Scene, now: float) -> Planted:  # noqa: ARG002 - it begins at once
        """Tell the ML API of it."""
        write_faults(scene.faults_file, Faults(weather=self.fault))
        return {}

    def mend(self, scene: Scene, planted: Planted) -> None:  # noqa: ARG002 - the file is all there is
        """Take it back."""
        scene.faults_file.unlink(missing_ok=True)


SLOW_WEATHER: Final = WeatherTrouble(
    Story(
        "slow-weather",
        f"The weather store answers {_SLOW_SECONDS:g} s late for flights from {AIRPORT}.",
        "SlowRequests",
        3,
        f"Slow requests have origin = {AIRPORT}, and spend their time in weather.lookup.",
        "traces?section=slow&service=ml-api&min_duration_ms=1000",
        Question("traces/slow/explain", {"service": "ml-api", "min_duration_ms": "1000"}, ("origin",), AIRPORT),
        needs_faults=True,
    ),
    WeatherFault(origins=(AIRPORT,), delay_seconds=_SLOW_SECONDS),
)

MISSING_WEATHER: Final = WeatherTrouble(
    Story(
        "missing-weather",
        f"The weather store hardly answers: {_AWAY_SHARE:.0%} of lookups give up after {_AWAY_SECONDS:g} s, and "
        "medians stand in.",
        "TooManyFallbacks",
        15,
        "Predictions have features_source = fallback; the traces say WeatherStoreError.",
        "traces?section=exceptions&service=ml-api",
        Question(
            "traces/slow/explain",
            {"service": "ml-api", "route": "/v1/predict", "min_duration_ms": f"{_AWAY_SECONDS * 900:g}"},
            ("features_source",),
            "fallback",
        ),
        needs_faults=True,
    ),
    WeatherFault(delay_seconds=_AWAY_SECONDS, share=_AWAY_SHARE, fails=True),
)
