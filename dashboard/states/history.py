"""What the history page shows, and how its URL says so."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

DEFAULT_METRIC: Final = "request_rate"


@dataclass(frozen=True)
class HistoryState:
    """What the history page shows.

    Attributes:
        metric: a name of the catalogue.
        period: the chart's range.
        zone: IANA name of the time zone shown.
        step: `auto` or a width.
        group_by: label keys; one line per combination.
        filters: and-ed, such as `service=ml-api`.
    """

    metric: str = DEFAULT_METRIC
    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"
    step: str = "auto"
    group_by: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[HistoryState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        state = cls(
            metric=reader.text("metric", DEFAULT_METRIC),
            period=reader.period(),
            zone=reader.zone(),
            step=reader.step(),
            group_by=reader.names("group_by"),
            filters=reader.many("filter"),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        chosen = {
            "metric": [self.metric],
            "from": [self.period.start],
            "to": [self.period.end],
            "step": [self.step],
            "tz": [self.zone],
        }
        if self.group_by:
            chosen["group_by"] = [",".join(self.group_by)]
        if self.filters:
            chosen["filter"] = list(self.filters)
        return chosen
