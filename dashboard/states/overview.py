"""What the overview shows, and how its URL says so."""

from dataclasses import dataclass, field
from datetime import datetime

from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange


@dataclass(frozen=True)
class OverviewState:
    """What the overview shows.

    Attributes:
        period: the charts' range.
        zone: IANA name of the time zone shown.
        service: the one service shown; `*` for all; empty: the page picks the one that predicts.
    """

    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"
    service: str = ""

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[OverviewState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        state = cls(period=reader.period(), zone=reader.zone(), service=reader.text("service", ""))
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        chosen = {"from": [self.period.start], "to": [self.period.end], "tz": [self.zone]}
        return {**chosen, "service": [self.service]} if self.service else chosen
