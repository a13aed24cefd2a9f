"""What the history page shows, and how its URL says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

DEFAULT_METRIC: Final = "request_rate"
MOST_METRICS: Final = 6
COMPARISONS: Final = ("none", "previous", "week")
PANELS: Final = ("none", "sql", "rule")
SIDES: Final = ("above", "below")
WINDOWS: Final = ("1m", "5m", "15m", "1h", "6h", "1d")
LASTING: Final = ("", "1m", "5m", "15m", "1h")
LONGEST_NAME: Final = 100
_SCALES: Final = ("linear", "log")
_SWITCH: Final = ("on", "off")


@dataclass(frozen=True)
class RuleChoice:
    """What the rule to be made says besides its threshold and what the page shows.

    Attributes:
        side: one of `SIDES`: where of the threshold it is bad.
        window: one of `WINDOWS`: how far each look reaches back.
        lasting: one of `LASTING`: how long it must be bad before it fires; at once when empty.
        name: what the alert is called; empty for the name that it gets by itself.
    """

    side: str = SIDES[0]
    window: str = "5m"
    lasting: str = LASTING[0]
    name: str = ""


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
        also: more metrics, drawn with it where the unit is the same, else below it.
        compare: one of `COMPARISONS`: with the time just before, or with the same time a week ago.
        log: whether the value axis is logarithmic.
        bands: whether percentiles of one thing are drawn as bands, where nothing is grouped.
        markers: whether versions, promotions and alerts are marked.
        panel: one of `PANELS`: what is open below the charts.
        threshold: of the rule to be made, in the first metric's unit; None while there is none.
        rule: what else that rule says.
    """

    metric: str = DEFAULT_METRIC
    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"
    step: str = "auto"
    group_by: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    compare: str = COMPARISONS[0]
    log: bool = False
    bands: bool = True
    markers: bool = True
    panel: str = PANELS[0]
    threshold: float | None = None
    rule: RuleChoice = field(default_factory=RuleChoice)

    @property
    def metrics(self) -> tuple[str, ...]:
        """All of them, in the order of choosing."""
        return (self.metric, *self.also)

    def filtered(self, key: str) -> str:
        """The one value that a filter of this key asks for; empty where none does."""
        values = [text.partition("=")[2] for text in self.filters if text.startswith(f"{key}=")]
        return values[0] if len(values) == 1 and not values[0].startswith("in(") else ""

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[HistoryState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        metric, *also = reader.many("metric")[:MOST_METRICS] or (DEFAULT_METRIC,)
        state = cls(
            metric=metric,
            also=tuple(also),
            period=reader.period(),
            zone=reader.zone(),
            step=reader.step(),
            group_by=reader.names("group_by"),
            filters=reader.many("filter"),
            compare=reader.one_of("compare", COMPARISONS),
            log=reader.one_of("scale", _SCALES) == "log",
            bands=reader.one_of("bands", _SWITCH) == "on",
            markers=reader.one_of("markers", _SWITCH) == "on",
            panel=reader.one_of("panel", PANELS),
            threshold=reader.number("threshold"),
            rule=RuleChoice(
                side=reader.one_of("rule_side", SIDES),
                window=_width(reader, "rule_window", WINDOWS, RuleChoice.window),
                lasting=_width(reader, "rule_for", LASTING[1:], RuleChoice.lasting),
                name=reader.text("rule_name", "")[:LONGEST_NAME],
            ),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state; what is as ever is left out."""
        chosen = {
            "metric": list(self.metrics),
            "from": [self.period.start],
            "to": [self.period.end],
            "step": [self.step],
            "tz": [self.zone],
        }
        if self.group_by:
            chosen["group_by"] = [",".join(self.group_by)]
        if self.filters:
            chosen["filter"] = list(self.filters)
        unusual = {
            "compare": (self.compare, self.compare != COMPARISONS[0]),
            "scale": ("log", self.log),
            "bands": ("off", not self.bands),
            "markers": ("off", not self.markers),
            "panel": (self.panel, self.panel != PANELS[0]),
            "threshold": (repr(self.threshold), self.threshold is not None),
            "rule_side": (self.rule.side, self.rule.side != RuleChoice.side),
            "rule_window": (self.rule.window, self.rule.window != RuleChoice.window),
            "rule_for": (self.rule.lasting, self.rule.lasting != RuleChoice.lasting),
            "rule_name": (self.rule.name, self.rule.name != RuleChoice.name),
        }
        return chosen | {name: [text] for name, (text, said) in unusual.items() if said}


def _width(reader: StateReader, name: str, known: Sequence[str], default: str) -> str:
    """One of the widths that are offered; the default where none is asked for."""
    text = reader.text(name, default)
    if text in known or text == default:
        return text
    reader.complaints.append(f"{name}: {text[:40]!r} is none of {', '.join(known)}.")
    return default
