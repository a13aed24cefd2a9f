"""Which figure an alert's rule judges: the question that draws it, or why no single line would show it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dashboard.alert_answers import Rule
from dashboard.answers import Alert, History
from dashboard.api_client import Question, history
from dashboard.states.history import HistoryState
from dashboard.time_range import TimeRange, rfc3339

_CONDITION: Final = re.compile(r"(?:>=|<=|==|!=|>|<) (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
_PART: Final = re.compile(r"(\d{1,9})(ms|[smhdw])")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTHS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
# So much is shown before the alert began: many windows, but neither minutes nor months.
_WINDOWS_BEFORE: Final = 12
_LEAST_BEFORE: Final = 3_600.0
_MOST_BEFORE: Final = 7 * 86_400.0
_MOST_POINTS: Final = 700
_EARLIER: Final = {"previous": "that of the window before", "week": "that of the same window a week before"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure of one metric, which a rule holds against a threshold.

    Attributes:
        metric: a name of the catalogue.
        filters: what the alert's group has.
        threshold: in the metric's unit; None where the condition says none.
        window: how far each look reaches back, such as `5m`.
        window_seconds: the same.
        notes: what else the rule minds, in sentences.
        offset_seconds: how much earlier the window ends.
    """

    metric: str
    filters: tuple[str, ...]
    threshold: float | None
    window: str
    window_seconds: float
    notes: tuple[str, ...] = ()
    offset_seconds: float = 0.0

    def period(self, alert: Alert, now: datetime) -> TimeRange:
        """From well before the alert began until it was resolved, or until now."""
        began = alert.active_since or alert.fired_at or now
        before = min(max(_WINDOWS_BEFORE * self.window_seconds, _LEAST_BEFORE), _MOST_BEFORE)
        start = began - timedelta(seconds=before + self.offset_seconds)
        ended = alert.resolved_at if alert.state == "resolved" else None
        after = timedelta(seconds=max(self.window_seconds, before / 4))
        if ended is None or ended + after >= now:
            return TimeRange(rfc3339(start), "now")
        return TimeRange(rfc3339(start), rfc3339(ended + after))

    def question(self, period: TimeRange, zone: str, now: datetime) -> Question[History]:
        """What draws it: a point for each window, where these are not too many."""
        start, end = period.bounds(now)
        seconds = max(1, round(self.window_seconds))
        fits = (end - start).total_seconds() <= _MOST_POINTS * seconds
        step = f"{seconds}s" if fits else "auto"
        return history(self.metric, start=period.start, end=period.end, step=step, tz=zone, filters=self.filters)


@dataclass(frozen=True, slots=True)
class NotOneLine:
    """Why no line of a metric shows what a rule judges.

    Attributes:
        why: which figure it is, in sentences; with texts of the rule, so not to be taken for markdown.
        metric: whose history comes nearest; empty for none.
        filters: what the alert's group has.
        compare: what the history is compared with.
        drawn_by_backtest: whether the rule's backtest draws the very figure.
    """

    why: str
    metric: str = ""
    filters: tuple[str, ...] = ()
    compare: str = "none"
    drawn_by_backtest: bool = False

    def history(self, period: TimeRange, zone: str) -> HistoryState:
        """The page that comes nearest."""
        return HistoryState(metric=self.metric, period=period, filters=self.filters, compare=self.compare, zone=zone)


def judged_by(alert: Alert, rules: Sequence[Rule]) -> Judged | NotOneLine:
    """What the rule of an alert judges.

    Args:
        alert: the alert.
        rules: those in force.
    """
    rule = _rule_of(alert, rules)
    if rule is None or not rule.definition:
        return NotOneLine("Its rule is not in force as it was, so which figure it judged is not known.", alert.metric)
    said = rule.definition
    filters = _filters(said, alert.labels)
    window = length(rule.window_seconds or 0)
    if said.get("sql"):
        why = "It judges the figure of a statement of its own, which no metric's history holds."
        return NotOneLine(why, drawn_by_backtest=True)
    metric = rule.metric or alert.metric
    if said.get("slo"):
        over = alert.labels.get("slo_window", window)
        why = (
            f"It judges how fast an objective's budget is spent: {metric} over the last {over} and over a shorter "
            f"window must both be {alert.condition or rule.condition}. No single line says whether they are."
        )
        return NotOneLine(why, metric, filters, drawn_by_backtest=True)
    if said.get("absent"):
        return NotOneLine(f"It fires where {metric} has no data for {window}: a gap, not a figure.", metric, filters)
    if isinstance(change := said.get("change"), Mapping):
        to = str(change.get("to", ""))
        why = (
            f"It judges how {metric} over {window} changed against {_EARLIER.get(to, to)} "
            f"({change.get('as', 'relative')}), not the figure itself."
        )
        return NotOneLine(why, metric, filters, to if to in _EARLIER else "none", drawn_by_backtest=True)
    found = _CONDITION.fullmatch(rule.condition)
    notes, offset = _notes(said)
    threshold = float(found[1]) if found else None
    return Judged(metric, filters, threshold, window, rule.window_seconds or 300.0, notes, offset)


def length(seconds: float) -> str:
    """A length of time as rules spell it, such as `1h30m`."""
    rest, parts = int(seconds), []
    for unit, size in _LENGTHS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _rule_of(alert: Alert, rules: Sequence[Rule]) -> Rule | None:
    """The rule with the alert's name whose own labels the alert has; of several the one with most."""
    own = [rule for rule in rules if rule.name == alert.rule and rule.labels.items() <= alert.labels.items()]
    return max(own, key=lambda rule: len(rule.labels), default=None)


def _filters(said: Mapping[str, Any], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The rule's filters and the alert's group, as the API reads them."""
    given = said.get("filter")
    groups = said.get("group_by")
    chosen = dict(given) if isinstance(given, Mapping) else {}
    if isinstance(groups, list | tuple):
        chosen |= {key: labels[key] for key in groups if key in labels}
    return tuple(f"{key}={_value(value)}" for key, value in sorted(chosen.items()))


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "in({})".format(",".join(_value(each).replace(",", "\\,") for each in value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _notes(said: Mapping[str, Any]) -> tuple[tuple[str, ...], float]:
    """What else the rule minds, and how much earlier its windows end."""
    notes = []
    offset = str(said.get("offset") or "0")
    if offset != "0":
        notes.append(f"Its windows end {offset} before each look.")
    if confirming := said.get("confirm_window"):
        notes.append(f"The last {confirming} must be bad too.")
    if least := said.get("minimum_count"):
        notes.append(f"Windows with fewer than {least} events are not judged.")
    return tuple(notes), sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(offset))
