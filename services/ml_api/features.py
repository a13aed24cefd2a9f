"""The model's features: one definition for training, serving and the card."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

NEW_YORK: Final = ZoneInfo("America/New_York")
_HOUR_SECONDS: Final = 3600

FeatureValue = str | int | float | None
FeatureRow = dict[str, FeatureValue]


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model, as the card describes it."""

    name: str
    type: Literal["category", "number"]
    source: Literal["request", "weather"]
    description: str
    unit: str = ""


FEATURES: Final = (
    Feature("carrier", "category", "request", "airline, two-letter code"),
    Feature("origin", "category", "request", "airport of departure"),
    Feature("dest", "category", "request", "airport of arrival"),
    Feature("distance", "number", "request", "between the two airports", "miles"),
    Feature("departure_hour", "number", "request", "hour of the scheduled departure, local", "h"),
    Feature("weekday", "number", "request", "of the scheduled departure: 1 Monday to 7 Sunday"),
    Feature("temperature", "number", "weather", "at the origin in the scheduled hour", "degF"),
    Feature("humidity", "number", "weather", "relative", "%"),
    Feature("wind_speed", "number", "weather", "mean", "mph"),
    Feature("wind_gust", "number", "weather", "null when no gust was measured", "mph"),
    Feature("precipitation", "number", "weather", "in the hour", "in"),
    Feature("pressure", "number", "weather", "at sea level", "mbar"),
    Feature("visibility", "number", "weather", "10 is the most that is reported", "miles"),
)
CATEGORIES: Final = tuple(feature.name for feature in FEATURES if feature.type == "category")
NUMBERS: Final = tuple(feature.name for feature in FEATURES if feature.type == "number")
WEATHER: Final = tuple(feature.name for feature in FEATURES if feature.source == "weather")


@dataclass(frozen=True, slots=True)
class FlightPlan:
    """What is known of a flight before it leaves: all that a caller has to say.

    Args:
        carrier: Airline, two letters or digits.
        origin: EWR, JFK or LGA.
        dest: Airport of arrival, three letters.
        distance: Miles.
        sched_dep: Scheduled departure, New York's local time without zone.
    """

    carrier: str
    origin: str
    dest: str
    distance: float
    sched_dep: datetime

    def hour_utc(self) -> int:
        """The scheduled hour, as hours since 1970 in UTC: the key of the weather table."""
        return int(self.sched_dep.replace(tzinfo=NEW_YORK).timestamp()) // _HOUR_SECONDS


def hour_text(hour_utc: int) -> str:
    """Hours since 1970 as RFC 3339 text."""
    return datetime.fromtimestamp(hour_utc * _HOUR_SECONDS, UTC).isoformat().replace("+00:00", "Z")


def feature_row(plan: FlightPlan, weather: Mapping[str, float | None]) -> FeatureRow:
    """Everything the model sees of one flight, in the order of `FEATURES`."""
    return {
        "carrier": plan.carrier,
        "origin": plan.origin,
        "dest": plan.dest,
        # One type whoever asks: stored JSON tells 719 from 719.0.
        "distance": float(plan.distance),
        "departure_hour": plan.sched_dep.hour,
        "weekday": plan.sched_dep.isoweekday(),
        **weather,
    }
