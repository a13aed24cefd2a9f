"""From a rule's question to the next state of each of its alerts. Effects are arguments."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.monitoring_api.alerting.annotations import AnnotationContext, render
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.measurement import (
    INCOMPLETE,
    Answer,
    Answers,
    Measure,
    observe,
)
from services.monitoring_api.alerting.models import (
    AlertEvent,
    AlertState,
    AlertStatus,
    Observation,
    ObservationKind,
)
from services.monitoring_api.alerting.questions import Question
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.alerting.transition import retire, transition
from services.monitoring_api.configuration.duration import format_duration

MAXIMUM_ALERTS_PER_RULE = 1_000
MAXIMUM_ERROR_CHARACTERS = 1_000

FORGET_RESOLVED_AFTER_SECONDS = 86_400.0

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """One alert as the store keeps it.

    Attributes:
        fingerprint: Identity of its labels.
        rule: The rule's name.
        rule_key: The rule's identity.
        labels: Group, rule labels and alertname.
        annotations: As rendered at its last look.
        state: Its state.
    """

    fingerprint: str
    rule: str
    rule_key: str
    labels: Labels
    annotations: Labels
    state: AlertState


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a rule said about one alert. Not present: its group is gone from the data."""

    labels: Labels
    observation: Observation
    present: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What a look makes of an alert: its next state, what happened, and whether it may be forgotten."""

    alert: StoredAlert
    events: tuple[AlertEvent, ...]
    forget: bool = False


async def ask(questions: Iterable[Question], measure: Measure, now: float, *, timeout_seconds: float) -> Answers:
    """Ask a round's questions; whatever goes wrong comes back as text, for a failed look is a result.

    Args:
        questions: All of them; what several rules ask is asked once.
        measure: Answers them.
        now: The slot, epoch seconds.
        timeout_seconds: Longest wait for all of them.
    """
    asked = tuple(dict.fromkeys(questions))
    answers: Answers = {}
    missing = "the query gave no answer"
    try:
        async with asyncio.timeout(timeout_seconds):
            answers = await measure(asked, now)
    except TimeoutError:
        missing = f"no answer within {timeout_seconds:g} seconds"
    except Exception as error:  # a bug in a query must not stop the worker
        missing = f"{type(error).__name__}: {error}"
    return {question: _checked(answers.get(question, missing)) for question in asked}


def _checked(answer: Answer) -> Answer:
    if isinstance(answer, str):
        return _storable(answer) or "the query failed"
    if len(answer) > MAXIMUM_ALERTS_PER_RULE:
        return f"group_by gives {len(answer):,} groups; a rule may have {MAXIMUM_ALERTS_PER_RULE:,}"
    return answer


def _storable(text: str) -> str:
    """Text that every database takes: no NUL, no half characters, of a sensible length."""
    return text[:MAXIMUM_ERROR_CHARACTERS].encode("utf-8", "replace").decode().replace("\0", "")


def look(rule: Rule, answers: Answers, known: Sequence[Labels], slot: float) -> list[Look]:
    """Join the answers to a rule's questions into one observation per alert.

    Args:
        rule: The rule.
        answers: What `ask` returned, to this rule's questions and maybe others'.
        known: Labels of the rule's alerts so far; those without a reading have no data.
        slot: The time of the look, epoch seconds.
    """
    base = rule.alert_labels({})
    (question,) = rule.questions(slot)
    answer = answers[question]
    if isinstance(answer, str):
        return [Look(labels, Observation(ObservationKind.FAILED, error=answer)) for labels in known or [base]]

    looks = [Look(rule.alert_labels(reading.labels), observe(rule, reading)) for reading in answer]
    # Where the window is incomplete, a group that is not there may be what has not arrived.
    missing = Observation(ObservationKind.FAILED, error=INCOMPLETE) if not all(r.complete for r in answer) else None
    present = {fingerprint(one.labels) for one in looks}
    absent = [labels for labels in known if fingerprint(labels) not in present]
    if not looks and not absent:
        absent = [base]
    for labels in absent:
        # The alert of a grouped rule as a whole stands for 'no group has any data': one that has ends it.
        kind = ObservationKind.HEALTHY if present and dict(labels) == base else ObservationKind.NO_DATA
        looks.append(Look(labels, missing or Observation(kind), present=False))
    return looks


def advance(
    rule: Rule, interval_seconds: float, looks: Sequence[Look], stored: Mapping[str, StoredAlert], now: float
) -> list[Change]:
    """Take every alert of a rule one look further."""
    timing = rule.timing(interval_seconds)
    changes = []
    for one in looks:
        identity = fingerprint(one.labels)
        previous = stored[identity].state if identity in stored else AlertState()
        state, events = transition(timing, previous, one.observation, now)
        annotations = render(rule.annotations, _context(rule, one, state))
        alert = StoredAlert(identity, rule.alert, rule.key, one.labels, annotations, state)
        changes.append(Change(alert, events, forget=not one.present and _forgettable(state, now)))
    return changes


def retire_all(stored: Sequence[StoredAlert], now: float) -> list[Change]:
    """End the alerts whose rules are gone."""
    changes = []
    for alert in stored:
        state, events = retire(alert.state, now)
        ended = StoredAlert(alert.fingerprint, alert.rule, alert.rule_key, alert.labels, alert.annotations, state)
        changes.append(Change(ended, events, forget=_forgettable(state, now)))
    return changes


def _forgettable(state: AlertState, now: float) -> bool:
    if state.error is not None:
        return False
    if state.status is AlertStatus.RESOLVED:
        return now - (state.resolved_at or 0.0) > FORGET_RESOLVED_AFTER_SECONDS
    return state.status is AlertStatus.INACTIVE


def _context(rule: Rule, one: Look, state: AlertState) -> AnnotationContext:
    return AnnotationContext(
        alertname=rule.alert,
        metric=rule.metric or "",
        window=format_duration(rule.window),
        condition=str(rule.condition),
        threshold=rule.condition.threshold,
        status=str(state.status),
        cause=str(state.cause),
        value=state.value,
        count=one.observation.count,
        error=state.error,
        labels=one.labels,
    )
