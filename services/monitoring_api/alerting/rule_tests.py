"""Tests of rules against given series: the file's model, and what comes of running it. No database takes part."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.monitoring_api.alerting.evaluation import StoredAlert, advance, look
from services.monitoring_api.alerting.given_series import NOTHING, Given, SeriesText
from services.monitoring_api.alerting.label_names import ALERTNAME
from services.monitoring_api.alerting.measurement import Answer, Reading
from services.monitoring_api.alerting.models import AlertStatus
from services.monitoring_api.alerting.questions import Question
from services.monitoring_api.alerting.replay import follow
from services.monitoring_api.alerting.rule_set import RuleSet
from services.monitoring_api.alerting.rules import LabelName, Rule
from services.monitoring_api.configuration.duration import Duration, format_duration
from services.monitoring_api.queries.catalogue import find_metric

MOST_LOOKS: Final = 200_000
_ACTIVE: Final = (AlertStatus.PENDING, AlertStatus.FIRING)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class GivenSeries(_Strict):
    """What rules read of one group: the figure over their window, at each moment."""

    metric: str | None = Field(default=None, description="The metric of the rules that read it.")
    alert: str | None = Field(default=None, description="Instead, for a rule with `sql:`: its name.")
    labels: Mapping[LabelName, str] = Field(default_factory=dict, description="The group; filters are held against it.")
    window: Duration | None = Field(
        default=None, description="Only for questions about windows of this length; without it, for every length."
    )
    values: SeriesText = Field(description="Like `0x10 1+1x5 _ nan`, or a list; after its end there is no data.")
    counts: SeriesText | None = Field(default=None, description="Events in the window at each moment; else unknown.")

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.metric is None) == (self.alert is None):
            raise ValueError("give `metric:`, or for a rule with `sql:` its name as `alert:`")
        return self


class ExpectedAlert(_Strict):
    """An alert that is to be there."""

    state: Literal["pending", "firing"] = "firing"
    labels: Mapping[LabelName, str] = Field(
        default_factory=dict, description="All of them; `alertname` may be left out."
    )
    annotations: Mapping[LabelName, str] | None = Field(
        default=None, description="All of them; else they are not compared."
    )
    value: float | None = Field(default=None, description="Its last figure; else it is not compared.")
    health: Literal["ok", "no_data", "incomplete", "immature", "error"] | None = Field(
        default=None, description="What its last look rested on; else it is not compared."
    )


class AlertTest(_Strict):
    """What is to be active at one moment."""

    eval_time: Duration = Field(description="Since the beginning of the series, like 10m; the look then counts.")
    alertname: str = Field(description="A rule of the files.")
    expect: tuple[ExpectedAlert, ...] = Field(default=(), description="Every alert of it that is pending or firing.")


class RuleTest(_Strict):
    """One test."""

    name: str = Field(min_length=1, max_length=200)
    interval: Duration = Field(default=60.0, gt=0, description="Between two values of a series.")
    series: tuple[GivenSeries, ...] = Field(default=(), max_length=1_000)
    alerts: tuple[AlertTest, ...] = Field(min_length=1, max_length=1_000)


class RuleTestFile(_Strict):
    """A whole file."""

    rule_files: tuple[str, ...] = Field(min_length=1, description="The rules, relative to this file.")
    evaluation_interval: Duration = Field(
        default=15.0, ge=1, le=86_400, description="Between two looks at groups that name no interval."
    )
    tests: Annotated[tuple[RuleTest, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one expectation.

    Attributes:
        test: The test's name.
        alertname: The rule.
        at: The moment, seconds since the beginning.
        expected: The alerts that were to be there, as lines.
        found: Those that were.
        place: Number of the test and of the expectation in it.
    """

    test: str
    alertname: str
    at: float
    expected: tuple[str, ...]
    found: tuple[str, ...]
    place: tuple[int, int]

    @property
    def passed(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.found

    def lines(self) -> list[str]:
        """The differences, for people."""
        title = f"{self.test}: {self.alertname} at {format_duration(self.at)}"
        missing = [f"  - expected  {line}" for line in self.expected if line not in self.found]
        more = [f"  + found     {line}" for line in self.found if line not in self.expected]
        same = [f"    as expected  {line}" for line in self.expected if line in self.found]
        return [title, *missing, *more, *same]


def run_tests(file: RuleTestFile, rules: RuleSet) -> list[Outcome]:
    """Run every test of a file.

    Args:
        file: The tests.
        rules: The rules in force: those of all its rule files.

    Raises:
        ValueError: When a test can't be run, naming it.
    """
    return [outcome for number, test in enumerate(file.tests) for outcome in _run(number, test, file, rules)]


def _run(number: int, test: RuleTest, file: RuleTestFile, rules: RuleSet) -> Iterator[Outcome]:
    known = {rule.alert for rule in rules.rules()}
    for each in test.alerts:
        if each.alertname not in known:
            raise ValueError(f"test {test.name!r}: no rule is called {each.alertname!r}")
        group = next(g for g in rules.groups if any(rule.alert == each.alertname for rule in g.rules))
        interval = group.interval or file.evaluation_interval
        if each.eval_time / interval > MOST_LOOKS:
            raise ValueError(f"test {test.name!r}: more than {MOST_LOOKS:,} looks until {each.eval_time:g} s")
    ordered = sorted(enumerate(test.alerts), key=lambda one: one[1].eval_time)
    for group in rules.groups:
        names = {rule.alert for rule in group.rules}
        wanted = [(place, each) for place, each in ordered if each.alertname in names]
        # Others of the group would read series that are not meant for them.
        asked = [rule for rule in group.rules if any(each.alertname == rule.alert for _, each in wanted)]
        yield from _look(number, test, wanted, asked, group.interval or file.evaluation_interval)


def _look(
    number: int, test: RuleTest, wanted: Sequence[tuple[int, AlertTest]], rules: Sequence[Rule], interval: float
) -> Iterator[Outcome]:
    stored: dict[str, dict[str, StoredAlert]] = {rule.key: {} for rule in rules}
    reached = 0
    for place, each in wanted:
        while reached * interval <= each.eval_time:
            _take_further(test, rules, interval, reached * interval, stored)
            reached += 1
        alerts = [alert for mine in stored.values() for alert in mine.values() if alert.rule == each.alertname]
        found, expected = _compared(alerts, each)
        yield Outcome(test.name, each.alertname, each.eval_time, expected, found, (number, place))


def _take_further(
    test: RuleTest, rules: Sequence[Rule], interval: float, slot: float, stored: Mapping[str, dict[str, StoredAlert]]
) -> None:
    """One look at every rule."""
    for rule in rules:
        answers = {question: _answer(test, question, slot, rule.alert) for question in rule.questions(slot)}
        mine = stored[rule.key]
        looks = look(rule, answers, [alert.labels for alert in mine.values()], slot)
        follow(mine, advance(rule, interval, looks, mine, slot))


def _answer(test: RuleTest, question: Question, slot: float, alert: str) -> Answer:
    at = slot - question.end_offset_seconds
    found: dict[tuple[str, ...], Reading] = {}
    for series in test.series:
        if not _asks(question, series, alert):
            continue
        given, count = _at(series.values, at, test.interval), _at(series.counts, at, test.interval)
        if given.word == "error":
            return "the test gives an error"
        labels = (
            dict(series.labels)
            if question.sql is not None
            else {key: series.labels.get(key, "") for key in question.group_by}
        )
        key = tuple(labels.values())
        if key in found:
            raise ValueError(
                f"test {test.name!r}: two series of {series.metric or series.alert} fall into the group {labels}"
            )
        if given == NOTHING and labels:
            continue
        found[key] = _reading(labels, given, count, question)
    if not found and not question.group_by and question.sql is None:
        return [Reading({}, _empty(question), 0)]
    return [found[key] for key in sorted(found)]


def _reading(labels: Mapping[str, str], given: Given, count: Given, question: Question) -> Reading:
    if given.word:
        immature = "the test says so" if given.word == "immature" else None
        return Reading(labels, None, None, given.word != "incomplete", immature)
    if given.value is None:
        return Reading(labels, _empty(question), 0)
    return Reading(labels, given.value, count.value)


def _empty(question: Question) -> float | None:
    """What the metric is where there is nothing: a rate is then zero."""
    return None if question.metric is None else find_metric(question.metric).empty


def _asks(question: Question, series: GivenSeries, alert: str) -> bool:
    if question.sql is not None:
        return series.alert == alert
    if series.metric != question.metric or series.window not in {None, question.window_seconds}:
        return False
    return all(
        series.labels.get(key) in ((value,) if isinstance(value, str) else value) for key, value in question.filters
    )


def _at(values: Sequence[Given] | None, at: float, interval: float) -> Given:
    place = math.floor(at / interval + 1e-9)
    return values[place] if values is not None and 0 <= place < len(values) else NOTHING


def _compared(alerts: Iterable[StoredAlert], test: AlertTest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was found and what was expected, as lines that are equal exactly where the alerts are."""
    active = sorted(
        (alert for alert in alerts if alert.state.status in _ACTIVE), key=lambda alert: sorted(alert.labels.items())
    )
    expected = [({**one.labels, ALERTNAME: test.alertname}, one) for one in test.expect]
    wishes = {_key(labels): one for labels, one in expected}
    found = []
    for alert in active:
        wish = wishes.get(_key(alert.labels))
        found.append(
            _line(
                str(alert.state.status),
                alert.labels,
                alert.annotations if wish is None or wish.annotations is not None else None,
                alert.state.value if wish is None or wish.value is not None else None,
                str(alert.state.health) if wish is None or wish.health is not None else None,
            )
        )
    lines = (_line(one.state, labels, one.annotations, one.value, one.health) for labels, one in expected)
    return tuple(sorted(found)), tuple(sorted(lines))


def _key(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _line(
    state: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None,
    value: float | None,
    health: str | None,
) -> str:
    parts = [f"{state} {_shown(labels)}"]
    if annotations is not None:
        parts.append(f"annotations {_shown(annotations)}")
    if value is not None:
        parts.append(f"value {value:.9g}")
    if health is not None:
        parts.append(f"health {health}")
    return " ".join(parts)


def _shown(texts: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{key}="{value}"' for key, value in sorted(texts.items())) + "}"
