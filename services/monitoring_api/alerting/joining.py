"""The answers to a rule's questions, joined: what was seen of each group."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.monitoring_api.alerting.change import ChangeAgainst
from services.monitoring_api.alerting.condition import Condition
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import Observation, ObservationKind
from services.monitoring_api.alerting.rules import Rule

INCOMPLETE = "the window is incomplete: some of its data has not arrived, so its figure is not judged"
IMMATURE = "the window is immature, and early labels are biased, so its figure is not judged"


@dataclass(frozen=True, slots=True)
class Seen:
    """One group.

    Attributes:
        labels: The group's keys and values.
        observation: What the look said.
        present: Whether the window itself has the group; else only the one that it is held against does.
        current: The figure of the window; None when there is none.
        earlier: The figure of the window that it is held against, where there is one.
    """

    labels: Mapping[str, str]
    observation: Observation
    present: bool = True
    current: float | None = None
    earlier: float | None = None


def join(rule: Rule, answers: Sequence[Sequence[Reading]]) -> list[Seen]:
    """What was seen of each group.

    Args:
        rule: The rule.
        answers: The readings for each of its questions.
    """
    first, *others = answers
    if not others:
        return [Seen(one.labels, observe(rule, one), current=one.value) for one in first]
    own, other = _by_group(first), _by_group(others[0])
    groups = [*own, *(group for group in other if group not in own)]
    change = rule.change
    return [
        _confirmed(rule, own.get(group), other.get(group))
        if change is None
        else _changed(rule, change, own.get(group), other.get(group))
        for group in groups
    ]


def observe(rule: Rule, reading: Reading) -> Observation:
    """Judge one figure by the rule's condition; that of an incomplete or immature window is no answer."""
    unripe = _unripe(reading)
    if unripe is not None:
        return unripe
    value = _figure(reading)
    if value is None or (rule.absent and reading.count == 0):
        return Observation(ObservationKind.NO_DATA, None, reading.count)
    return Observation(_kind(rule, value), value, reading.count)


def _changed(rule: Rule, change: ChangeAgainst, now: Reading | None, then: Reading | None) -> Seen:
    labels = _labels(now, then)
    current, earlier = _figure(now), _figure(then)
    counts = [one.count for one in (now, then) if one is not None and one.count is not None]
    # A figure that rests on little changes by chance, whichever of the two it is.
    count = min(counts, default=None)
    value = None if current is None or earlier is None else change.of(current, earlier)
    unripe = _unripe(now) or _unripe(then)
    if unripe is not None:
        observation = unripe
    elif value is None:
        observation = Observation(ObservationKind.NO_DATA, None, count)
    else:
        observation = Observation(_kind(rule, value), value, count)
    return Seen(labels, observation, now is not None, current, earlier)


def _confirmed(rule: Rule, long: Reading | None, short: Reading | None) -> Seen:
    labels = _labels(long, short)
    value, recent = _figure(long), _figure(short)
    count = None if long is None else long.count
    unripe = _unripe(long) or _unripe(short)
    if unripe is not None:
        observation = unripe
    elif value is None or recent is None:
        observation = Observation(ObservationKind.NO_DATA, None, count)
    else:
        kinds = {_kind(rule, value), _kind(rule, recent)}
        order = (ObservationKind.HEALTHY, ObservationKind.BETWEEN, ObservationKind.BREACHING)
        observation = Observation(next(kind for kind in order if kind in kinds), value, count)
    return Seen(labels, observation, long is not None, value)


def _kind(rule: Rule, value: float) -> ObservationKind:
    if _holds(rule.condition, value):
        return ObservationKind.BREACHING
    if rule.resolve_condition is None or rule.resolve_condition.holds(value):
        return ObservationKind.HEALTHY
    return ObservationKind.BETWEEN


def _holds(condition: Condition | None, value: float) -> bool:
    return condition is not None and condition.holds(value)


def _unripe(reading: Reading | None) -> Observation | None:
    if reading is None:
        return None
    if not reading.complete:
        return Observation(ObservationKind.INCOMPLETE, error=INCOMPLETE)
    if reading.immature is not None:
        return Observation(ObservationKind.IMMATURE, error=f"{IMMATURE}: {reading.immature}")
    return None


def _figure(reading: Reading | None) -> float | None:
    if reading is None or reading.value is None or math.isnan(reading.value):
        return None
    return reading.value


def _labels(one: Reading | None, other: Reading | None) -> Mapping[str, str]:
    found = one or other
    return {} if found is None else found.labels


def _by_group(readings: Sequence[Reading]) -> dict[tuple[tuple[str, str], ...], Reading]:
    return {tuple(sorted(one.labels.items())): one for one in readings}
