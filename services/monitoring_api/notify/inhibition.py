"""Inhibition: while one alert fires, others that follow from it are told to nobody.

Beside the rules of the notifications file one is built in: while the data source is down (an alert named
`DatasourceDown` fires), alerts that say `there is no data` or `the look failed` are held back, and nobody is reminded
of an alert whose last look failed. An alert whose condition was seen to hold is told all the same.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from services.monitoring_api.notify.matchers import MatcherText, all_match

DATASOURCE_DOWN = "DatasourceDown"
_WITHOUT_DATA = frozenset({"no_data", "error"})

Labels = Mapping[str, str]


class InhibitRule(BaseModel):
    """While an alert of the one kind fires, those of the other kind are held back."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    source: tuple[MatcherText, ...] = Field(min_length=1, description="What the labels of the cause must meet.")
    target: tuple[MatcherText, ...] = Field(min_length=1, description="What the labels of those held back must meet.")
    equal: tuple[str, ...] = Field(default=(), description="Labels that both must have in common.")

    def concerns(self, labels: Labels) -> bool:
        """Whether an alert with these labels may be held back by it."""
        return all_match(self.target, labels)

    def holds_back(self, target: Labels, source: Labels) -> bool:
        """Whether one alert is held back by another.

        As in Alertmanager, an alert of both kinds holds back none that is of both kinds too.
        """
        if not all_match(self.source, source) or not all_match(self.target, target):
            return False
        if all_match(self.target, source) and all_match(self.source, target):
            return False
        return all(target.get(name, "") == source.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that fires, as far as inhibition goes."""

    fingerprint: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Target:
    """An alert that may be held back.

    Attributes:
        fingerprint: The alert.
        labels: Its labels.
        cause: Why it fires: condition, no_data, error.
        unsure: Whether the last look at it failed.
        told: Whether its channel knows of it, so that only reminders are left to hold back.
    """

    fingerprint: str
    labels: Labels
    cause: str
    unsure: bool
    told: bool


@dataclass(frozen=True)
class Inhibition:
    """The rules in force and the alerts that fire."""

    rules: Sequence[InhibitRule]
    firing: Sequence[FiringAlert]

    def reason(self, target: Target) -> str | None:
        """What holds an alert back, in words; None when nothing does."""
        if _without_data(target) and any(one.fingerprint != target.fingerprint for one in self._down):
            return f"held back while {DATASOURCE_DOWN} fires"
        for rule, sources in self._sources:
            for source in sources.get(_values(rule, target.labels), ()):
                if source.fingerprint != target.fingerprint and rule.holds_back(target.labels, source.labels):
                    return f"held back while {source.labels.get('alertname', source.fingerprint)} fires"
        return None

    @cached_property
    def _down(self) -> tuple[FiringAlert, ...]:
        return tuple(one for one in self.firing if one.labels.get("alertname") == DATASOURCE_DOWN)

    @cached_property
    def _sources(self) -> tuple[tuple[InhibitRule, Mapping[tuple[str, ...], Sequence[FiringAlert]]], ...]:
        """The causes of each rule by what they must have in common with those held back: a storm has many of both."""
        found = []
        for rule in self.rules:
            by_values = defaultdict(list)
            for one in self.firing:
                if all_match(rule.source, one.labels):
                    by_values[_values(rule, one.labels)].append(one)
            found.append((rule, by_values))
        return tuple(found)


def _values(rule: InhibitRule, labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)


def _without_data(target: Target) -> bool:
    if target.labels.get("alertname") == DATASOURCE_DOWN:
        return False
    return target.cause in _WITHOUT_DATA or (target.unsure and target.told)
