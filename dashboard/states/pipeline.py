"""What the pipeline page shows, and how its URL says so."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

SECTIONS: Final = ("health", "processes", "cardinality", "queries", "map", "audit")
_DEFAULT: Final = TimeRange("now-1h")


@dataclass(frozen=True)
class PipelineState:
    """What the pipeline page shows.

    Attributes:
        section: one of `SECTIONS`.
        period: the range of lines, slow queries and the map.
        zone: IANA name of the time zone shown.
        statement: the fingerprint of the slow query that is shown whole; empty for none.
    """

    section: str = SECTIONS[0]
    period: TimeRange = field(default=_DEFAULT)
    zone: str = "UTC"
    statement: str = ""

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[PipelineState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        state = cls(
            section=reader.one_of("section", SECTIONS),
            period=reader.period() if query.get("from") or query.get("to") else _DEFAULT,
            zone=reader.zone(),
            statement=reader.text("statement", ""),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        return {
            "section": [self.section],
            "from": [self.period.start],
            "to": [self.period.end],
            "tz": [self.zone],
            **({"statement": [self.statement]} if self.statement else {}),
        }
