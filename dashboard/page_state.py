"""The whole state of each page, and its spelling in the URL's query parameters.

Names are the monitoring API's own (`from`, `to`, `step`, `tz`, `group_by`, `filter`). A parameter that cannot be read
falls back to its default and is reported, so that a mistyped link still opens.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from dashboard.time_range import STEPS, TimeRange, zone_of

Query = Mapping[str, Sequence[str]]
DEFAULT_METRIC: Final = "request_rate"
_LONGEST: Final = 400
_WIDTH: Final = re.compile(r"[1-9]\d{0,4}[smhd]")
_MOST_FILTERS: Final = 20
T = TypeVar("T")


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
        reader = _Reader(query, now)
        state = cls(period=reader.period(), zone=reader.zone(), service=reader.text("service", ""))
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        chosen = {"from": [self.period.start], "to": [self.period.end], "tz": [self.zone]}
        return {**chosen, "service": [self.service]} if self.service else chosen


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
        reader = _Reader(query, now)
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
        reader = _Reader(query, now)
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


@dataclass
class _Reader:
    """Reads parameters one by one and collects what it could not read."""

    query: Query
    now: datetime
    complaints: list[str] = field(default_factory=list)

    def text(self, name: str, default: str) -> str:
        values = self.query.get(name) or ()
        return values[-1][:_LONGEST] if values and values[-1] else default

    def one_of(self, name: str, known: Sequence[str]) -> str:
        text = self.text(name, known[0])
        if text in known:
            return text
        self.complaints.append(f"{name}: {text[:40]!r} is none of {', '.join(known)}.")
        return known[0]

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value[:_LONGEST] for value in (self.query.get(name) or ()) if value))[:_MOST_FILTERS]

    def names(self, name: str) -> tuple[str, ...]:
        parts = (part.strip() for value in self.many(name) for part in value.split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def period(self) -> TimeRange:
        default = TimeRange()
        asked = TimeRange(self.text("from", default.start), self.text("to", default.end))
        return self._checked("from and to", asked, default, lambda: asked.bounds(self.now))

    def zone(self) -> str:
        asked = self.text("tz", "UTC")
        return self._checked("tz", asked, "UTC", lambda: zone_of(asked))

    def step(self) -> str:
        step = self.text("step", "auto")
        if step == "auto" or _WIDTH.fullmatch(step):
            return step
        self.complaints.append(f"step: {step[:40]!r} is neither auto nor a width such as {', '.join(STEPS)}.")
        return "auto"

    def _checked(self, name: str, value: T, default: T, check: Callable[[], object]) -> T:
        try:
            check()
        except ValueError as error:
            self.complaints.append(f"{name}: {error}")
            return default
        return value
