"""One round: a group of rules is asked, judged and recorded for one slot of the clock."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import (
    Change,
    Said,
    advance,
    ask,
    firing_now,
    look,
    retire_all,
)
from services.monitoring_api.alerting.exemplars import Exemplars, Firing, Traces, no_exemplars
from services.monitoring_api.alerting.measurement import Answers, Measure
from services.monitoring_api.alerting.models import EventKind
from services.monitoring_api.alerting.rules import Rule, RuleGroup
from services.monitoring_api.alerting.store import read_alerts
from services.monitoring_api.worker.recording import Recorder
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


@dataclass(frozen=True)
class Round:
    """What a round needs.

    Attributes:
        store: Where it is recorded.
        measure: Answers rules.
        deadline_seconds: Longest wait for all answers.
        exemplars: Finds traces of alerts that fire.
        clock: The time, epoch seconds.
    """

    store: Store
    measure: Measure
    deadline_seconds: float
    exemplars: Exemplars = no_exemplars
    clock: Callable[[], float] = time.time

    async def run(self, group: RuleGroup, interval_seconds: float, recorder: Recorder, slot: float) -> frozenset[str]:
        """Look at every rule of a group once.

        Args:
            group: The rules.
            interval_seconds: Time between two of its rounds.
            recorder: Writes changes and messages.
            slot: The time of the look, epoch seconds.

        Returns:
            The channels that have something new.
        """
        questions = [question for rule in group.rules for question in rule.questions(slot)]
        answers = await ask(questions, self.measure, slot, timeout_seconds=self.deadline_seconds)
        looking = _Looking(group, interval_seconds, recorder.dashboard_url, slot, answers)

        def work(connection: Connection, traces: Traces | None = None) -> tuple[list[Change], frozenset[str], Firing]:
            found = list(looking.changes(connection, traces or {}))
            changes = [change for _, made in found for change in made]
            firing = [(rule, alert) for rule, made in found for alert in firing_now(made)]
            if firing and traces is None:
                # What the first message about an alert says must be known before it is written.
                return [], frozenset(), firing
            return changes, recorder.record(connection, changes, self.clock()), []

        changes, woken, firing = await self.store(work)
        if firing:
            found = await self.exemplars(firing, slot)
            changes, woken, _ = await self.store(lambda connection: work(connection, found))
        log_events(changes)
        return woken


@dataclass(frozen=True, slots=True)
class _Looking:
    """What a round has to judge."""

    group: RuleGroup
    interval_seconds: float
    dashboard_url: str
    slot: float
    answers: Answers

    def changes(self, connection: Connection, trace_ids: Traces) -> Iterator[tuple[Rule, list[Change]]]:
        """What it makes of the alerts of each rule."""
        keys = [rule.key for rule in self.group.rules]
        stored = {alert.fingerprint: alert for alert in read_alerts(connection, rule_keys=keys)}
        said = Said(self.dashboard_url, trace_ids)
        for rule in self.group.rules:
            mine = {key: alert for key, alert in stored.items() if alert.rule_key == rule.key}
            looks = look(rule, self.answers, [alert.labels for alert in mine.values()], self.slot)
            yield rule, advance(rule, self.interval_seconds, looks, mine, self.slot, said=said)


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
