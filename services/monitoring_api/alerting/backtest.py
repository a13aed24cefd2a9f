"""What a rule would have done between two times: the worker's own evaluation over history."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.monitoring_api.alerting.condition import Condition
from services.monitoring_api.alerting.evaluation import Change, Labels, Look, StoredAlert, advance, look
from services.monitoring_api.alerting.measurement import Answers
from services.monitoring_api.alerting.models import AlertEvent, AlertStatus, Cause, EventKind, Health
from services.monitoring_api.alerting.replay import MeasureSlots, ask_slots, follow, unanswered
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.configuration.duration import format_duration

# A week at 15 s, a month at a minute.
MOST_LOOKS: Final = 45_000
# Looks times alerts: what it costs to judge them.
MOST_STEPS: Final = 200_000
# More points of a series than this are thinned: a chart has no more pixels.
MOST_POINTS: Final = 1_000
_SLOTS_AT_ONCE: Final = 960
_DEADLINE_SECONDS: Final = 600.0
_TOLERANCE: Final = 1e-6


class TooManyLooksError(ValueError):
    """The range takes too many looks; the message says which one would do."""


class NoAnswerError(Exception):
    """Nothing was answered; the message is for people."""


@dataclass(frozen=True, slots=True)
class FiringSpan:
    """One time that an alert fired.

    Attributes:
        fired_at: Since when.
        ended_at: Until when; None where it still fired at the end.
        value: Its worst figure.
        cause: Why it fired.
    """

    fired_at: float
    ended_at: float | None = None
    value: float | None = None
    cause: Cause = Cause.CONDITION


@dataclass
class AlertTimeline:
    """One alert over the range.

    Attributes:
        fingerprint: Its identity.
        labels: Its labels.
        points: Slot and figure; None where there was none.
        events: What happened, in order.
        firing: When it fired.
        pending: From when to when its condition held before it fired, or did not; the end is None where it still did.
    """

    fingerprint: str
    labels: Labels
    points: list[tuple[float, float | None]] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)
    firing: list[FiringSpan] = field(default_factory=list)
    pending: list[tuple[float, float | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Backtest:
    """What a rule would have done.

    Attributes:
        rule: The rule.
        interval_seconds: Between two looks.
        start: The range begins here, epoch seconds; no alert is active then.
        end: And ends before this.
        looks: How many looks there were.
        health: What they rested on: for each kind how many, of all alerts.
        alerts: Every alert that was seen, those that fired first.
    """

    rule: Rule
    interval_seconds: float
    start: float
    end: float
    looks: int
    health: Counter[Health]
    alerts: Sequence[AlertTimeline]


def slots_between(start: float, end: float, interval: float) -> Iterator[float]:
    """The slots of a range, the end left out."""
    return (number * interval for number in range(*_numbers(start, end, interval)))


def check_looks(start: float, end: float, interval: float, *, rules: int = 1) -> int:
    """How many looks a range takes.

    Raises:
        TooManyLooksError: When these are too many, naming the range and the interval that would do.
    """
    first, last = _numbers(start, end, interval)
    looks = max(0, last - first) * rules
    if looks > MOST_LOOKS:
        longest = MOST_LOOKS // rules * interval
        would_do = math.ceil((end - start) * rules / MOST_LOOKS / interval) * interval
        raise TooManyLooksError(
            f"{looks:,} looks are too many ({MOST_LOOKS:,} are the most): with looks every {format_duration(interval)} "
            f"a range of {format_duration(longest)} would do, or an interval of {format_duration(would_do)}"
        )
    return looks


async def backtest(
    rule: Rule,
    start: float,
    end: float,
    measure: MeasureSlots,
    *,
    interval_seconds: float,
    progress: Callable[[int], None] = lambda _looks: None,
) -> Backtest:
    """Look at a rule in every slot of a range, as the worker does.

    Args:
        rule: One rule; of an objective one of those that it becomes.
        start: The range begins here, epoch seconds.
        end: And ends before this.
        measure: Answers its questions.
        interval_seconds: Between two looks.
        progress: Told how many looks are done.

    Raises:
        TooManyLooksError: When the range takes too many.
        NoAnswerError: When nothing is answered.
    """
    check_looks(start, end, interval_seconds)
    # Texts are for people that nobody tells.
    run = _Run(rule.model_copy(update={"annotations": {}}), interval_seconds)
    slots = list(slots_between(start, end, interval_seconds))
    for begin in range(0, len(slots), _SLOTS_AT_ONCE):
        part = slots[begin : begin + _SLOTS_AT_ONCE]
        answers = await ask_slots(rule.questions(part[0]), measure, part, timeout_seconds=_DEADLINE_SECONDS)
        reason = unanswered(answers)
        if reason is not None:
            raise NoAnswerError(reason)
        await asyncio.to_thread(run.take_further, part, answers)
        progress(begin + len(part))
    return Backtest(rule, interval_seconds, start, end, len(slots), run.health, run.timelines())


class _Run:
    """Looks, one after another."""

    def __init__(self, rule: Rule, interval_seconds: float) -> None:
        self._rule = rule
        self._interval_seconds = interval_seconds
        self._stored: dict[str, StoredAlert] = {}
        self._seen: dict[str, AlertTimeline] = {}
        self._steps = 0
        self.health: Counter[Health] = Counter()

    def take_further(self, slots: Sequence[float], answers: Sequence[Answers]) -> None:
        """Take it through some slots."""
        for slot, each in zip(slots, answers, strict=True):
            looks = look(self._rule, each, [alert.labels for alert in self._stored.values()], slot)
            self._steps += len(looks)
            if self._steps > MOST_STEPS:
                raise TooManyLooksError(
                    f"{len(looks):,} alerts in each of so many looks are too many ({MOST_STEPS:,} in all at most): "
                    f"a range of {format_duration(MOST_STEPS // len(looks) * self._interval_seconds)} would do"
                )
            changes = advance(self._rule, self._interval_seconds, looks, self._stored, slot)
            follow(self._stored, changes)
            for one, change in zip(looks, changes, strict=True):
                self._note(one, change, slot)

    def timelines(self) -> list[AlertTimeline]:
        """Every alert that was seen."""
        return sorted(self._seen.values(), key=lambda one: (not one.firing, sorted(one.labels.items())))

    def _note(self, one: Look, change: Change, slot: float) -> None:
        alert, value = change.alert, one.observation.value
        self.health[alert.state.health] += 1
        timeline = self._seen.setdefault(alert.fingerprint, AlertTimeline(alert.fingerprint, alert.labels))
        timeline.points.append((slot, value))
        timeline.events += change.events
        spans = timeline.firing
        for event in change.events:
            if event.kind is EventKind.PENDING:
                timeline.pending.append((event.at, None))
            elif event.kind in {EventKind.FIRED, EventKind.CANCELLED} and timeline.pending:
                timeline.pending[-1] = (timeline.pending[-1][0], event.at)
            if event.kind is EventKind.FIRED:
                spans.append(FiringSpan(event.at, None, event.value, event.cause))
            elif event.kind is EventKind.RESOLVED:
                spans[-1] = FiringSpan(spans[-1].fired_at, event.at, spans[-1].value, spans[-1].cause)
        if alert.state.status is AlertStatus.FIRING and spans:
            worst = _worse(self._rule.condition, spans[-1].value, value)
            spans[-1] = FiringSpan(spans[-1].fired_at, None, worst, spans[-1].cause)


def thinning(looks: int) -> int:
    """How many looks become one point of a chart."""
    return max(1, math.ceil(looks / MOST_POINTS))


def thinned(
    points: Sequence[tuple[float, float | None]], condition: Condition | None, size: int
) -> list[tuple[float, float | None]]:
    """One point of each so many: the worst, so that no breach is lost to the eye."""
    found = []
    for begin in range(0, len(points), size):
        part = points[begin : begin + size]
        worst = part[0]
        for point in part[1:]:
            if point[1] is not None and _worse(condition, worst[1], point[1]) == point[1]:
                worst = point
        found.append(worst)
    return found


def _worse(condition: Condition | None, one: float | None, other: float | None) -> float | None:
    """The figure that is further on the bad side."""
    if one is None or other is None:
        return other if one is None else one
    lower = condition is not None and condition.comparison.startswith("<")
    return min(one, other) if lower else max(one, other)


def _numbers(start: float, end: float, interval: float) -> tuple[int, int]:
    return math.ceil(start / interval - _TOLERANCE), math.ceil(end / interval - _TOLERANCE)
