"""What the alerts page shows, and how its URL says so."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

SECTIONS: Final = ("alerts", "silences", "rules", "notifications", "channels", "mails")


@dataclass(frozen=True)
class AlertsState:
    """What the alerts page shows.

    Attributes:
        section: one of `SECTIONS`.
        alert: the fingerprint of the one alert shown; empty for the list.
        rule: the rule whose backtest is shown.
        channel: the channel whose messages are shown; empty for all.
        delivery: the state of the messages shown; empty for all.
        period: the range of the timeline and of the backtest.
        zone: IANA name of the time zone shown.
    """

    section: str = SECTIONS[0]
    alert: str = ""
    rule: str = ""
    channel: str = ""
    delivery: str = ""
    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[AlertsState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        state = cls(
            section=reader.one_of("section", SECTIONS),
            alert=reader.text("alert", ""),
            rule=reader.text("rule", ""),
            channel=reader.text("channel", ""),
            delivery=reader.text("delivery", ""),
            period=reader.period(),
            zone=reader.zone(),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        texts = {"alert": self.alert, "rule": self.rule, "channel": self.channel, "delivery": self.delivery}
        return {
            "section": [self.section],
            **{name: [text] for name, text in texts.items() if text},
            "from": [self.period.start],
            "to": [self.period.end],
            "tz": [self.zone],
        }
