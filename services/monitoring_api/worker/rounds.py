"""One round: a group of rules is asked, judged and recorded for one slot of the clock."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import (
    Change,
    Said,
    StoredAlert,
    advance,
    ask,
    firing_now,
    look,
    retire_all,
)
from services.monitoring_api.alerting.exemplars import Exemplars, Firing, Traces, no_exemplars
from services.monitoring_api.alerting.measurement import Answers, Measure
from services.monitoring_api.alerting.models import EventKind
from services.monitoring_api.alerting.replay import MeasureSlots, ask_slots, follow, one_by_one, unanswered
from services.monitoring_api.alerting.rules import Rule, RuleGroup
from services.monitoring_api.alerting.slots import write_slot
from services.monitoring_api.alerting.store import read_alerts
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.schedule import UnansweredError
from services.monitoring_api.worker.store import Store

_logger = logging.getLogger(__name__)

_LEVELS = {
    EventKind.FIRED: logging.WARNING,
    EventKind.FAILING: logging.WARNING,
    EventKind.RESOLVED: logging.INFO,
    EventKind.RECOVERED: logging.INFO,
    EventKind.PENDING: logging.INFO,
    EventKind.CANCELLED: logging.INFO,
}

TracesBySlot: TypeAlias = Mapping[float, Traces]
FiringBySlot: TypeAlias = Mapping[float, Firing]


@dataclass(frozen=True)
class Round:
    """What a round needs.

    Attributes:
        store: Where it is recorded.
        measure: Answers rules.
        deadline_seconds: Longest wait for all answers.
        exemplars: Finds traces of alerts that fire.
        clock: The time, epoch seconds.
        measure_slots: Answers rules for several slots at once; by default slot by slot.
    """

    store: Store
    measure: Measure
    deadline_seconds: float
    exemplars: Exemplars = no_exemplars
    clock: Callable[[], float] = time.time
    measure_slots: MeasureSlots | None = None

    async def run(
        self,
        group: RuleGroup,
        interval_seconds: float,
        recorder: Recorder,
        slots: Sequence[float],
        *,
        patient: bool = False,
    ) -> frozenset[str]:
        """Look at every rule of a group once in each slot, and record all of it in one transaction.

        Args:
            group: The rules.
            interval_seconds: Time between two of its rounds.
            recorder: Writes changes and messages.
            slots: The times of the looks, in order, epoch seconds; more than one when some were missed.
            patient: Whether missed slots without a single answer may be asked about again.

        Returns:
            The channels that have something new.

        Raises:
            UnansweredError: When they may, and there was none; nothing is recorded then.
        """
        answers = await self._ask(group, slots)
        reason = unanswered(answers) if patient and len(slots) > 1 else None
        if reason is not None:
            raise UnansweredError(reason)
        looking = _Looking(group, interval_seconds, recorder.dashboard_url, slots, answers)

        def work(
            connection: Connection, traces: TracesBySlot | None = None
        ) -> tuple[list[Change], frozenset[str], FiringBySlot]:
            found = looking.looks(connection, traces or {})
            firing = {
                slot: fired
                for slot, made in found
                if (fired := [(rule, alert) for rule, changes in made for alert in firing_now(changes)])
            }
            if firing and traces is None:
                # What the first message about an alert says must be known before it is written.
                return [], frozenset(), firing
            kept = _worth_keeping([[change for _, each in made for change in each] for _, made in found])
            woken = [recorder.record(connection, changes, self.clock()) for changes in kept if changes]
            write_slot(connection, group.name, slots[-1])
            return [change for changes in kept for change in changes], frozenset().union(*woken), {}

        changes, woken, firing = await self.store(work)
        if firing:
            traces = {slot: await self.exemplars(fired, slot) for slot, fired in firing.items()}
            changes, woken, _ = await self.store(lambda connection: work(connection, traces))
        log_events(changes)
        return woken

    async def _ask(self, group: RuleGroup, slots: Sequence[float]) -> list[Answers]:
        questions = [question for rule in group.rules for question in rule.questions(slots[0])]
        if len(slots) == 1:
            return [await ask(questions, self.measure, slots[0], timeout_seconds=self.deadline_seconds)]
        measure = self.measure_slots or one_by_one(self.measure)
        return await ask_slots(questions, measure, slots, timeout_seconds=self.deadline_seconds * len(slots))


def _worth_keeping(looks: Sequence[Sequence[Change]]) -> list[Sequence[Change]]:
    """What is recorded of several looks: everything that happened, and where each alert stands after the last."""
    happened = [[change for change in changes if change.events or change.forget] for changes in looks[:-1]]
    return [*happened, looks[-1]]


@dataclass(frozen=True, slots=True)
class _Looking:
    """What a round has to judge."""

    group: RuleGroup
    interval_seconds: float
    dashboard_url: str
    slots: Sequence[float]
    answers: Sequence[Answers]

    def looks(
        self, connection: Connection, traces: TracesBySlot
    ) -> list[tuple[float, list[tuple[Rule, list[Change]]]]]:
        """What each look makes of the alerts of each rule."""
        stored: dict[str, dict[str, StoredAlert]] = {rule.key: {} for rule in self.group.rules}
        for alert in read_alerts(connection, rule_keys=stored):
            stored[alert.rule_key][alert.fingerprint] = alert
        found = []
        for slot, answers in zip(self.slots, self.answers, strict=True):
            said = Said(self.dashboard_url, traces.get(slot, {}))
            made = []
            for rule in self.group.rules:
                mine = stored[rule.key]
                looks = look(rule, answers, [alert.labels for alert in mine.values()], slot)
                changes = advance(rule, self.interval_seconds, looks, mine, slot, said=said)
                follow(mine, changes)
                made.append((rule, changes))
            found.append((slot, made))
        return found


async def retire_missing(store: Store, keys: frozenset[str], recorder: Recorder, now: float) -> frozenset[str]:
    """End the alerts of rules that are no longer there; return the channels that have something new."""

    def work(connection: Connection) -> tuple[list[Change], frozenset[str]]:
        orphans = [alert for alert in read_alerts(connection) if alert.rule_key not in keys]
        # One that has resolved already stays as it is until it is old enough to be forgotten.
        changes = retire_all(orphans, now)
        return changes, recorder.record(connection, changes, now)

    changes, woken = await store(work)
    log_events(changes)
    return woken


def log_events(changes: Iterable[Change]) -> None:
    """One line for each thing that happened; through OTLP they also lie in ClickHouse, beside what they are about."""
    for change in changes:
        for event in change.events:
            _logger.log(
                _LEVELS[event.kind],
                "Alert %s %s",
                change.alert.rule,
                event.kind,
                extra={
                    "alert.name": change.alert.rule,
                    "alert.fingerprint": change.alert.fingerprint,
                    "alert.event": str(event.kind),
                    "alert.value": event.value,
                    "alert.error": event.error,
                    **{f"alert.label.{key}": value for key, value in change.alert.labels.items()},
                },
            )
