"""From a rule's question to the next state of each of its alerts. Effects are arguments."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.monitoring_api.alerting.annotations import AnnotationContext, render
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.joining import INCOMPLETE, join
from services.monitoring_api.alerting.links import dashboard_link
from services.monitoring_api.alerting.measurement import Answer, Answers, Measure, Reading
from services.monitoring_api.alerting.models import (
    AlertEvent,
    AlertState,
    AlertStatus,
    EventKind,
    IncompletePolicy,
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
        metric: What its rule watches; empty for a statement.
        condition: When it is bad, in words.
        runbook: Its rule's link; empty when there is none.
        url: Where the dashboard shows it; empty when the dashboard's place is unknown.
        trace_ids: A few traces of its present incident, or of its last one.
    """

    fingerprint: str
    rule: str
    rule_key: str
    labels: Labels
    annotations: Labels
    state: AlertState
    metric: str = ""
    condition: str = ""
    runbook: str = ""
    url: str = ""
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a rule said about one alert.

    Attributes:
        labels: The alert's labels.
        observation: What it said.
        present: Whether the alert's group is in the data.
        current: The window's figure, where the observation's value is its change.
        earlier: The figure of the window that it is held against.
    """

    labels: Labels
    observation: Observation
    present: bool = True
    current: float | None = None
    earlier: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of alerts besides what looks say.

    Attributes:
        dashboard_url: The dashboard's root; empty when unknown.
        trace_ids: Traces of alerts that fire at this look, by fingerprint.
    """

    dashboard_url: str = ""
    trace_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a look makes of an alert: its next state, what happened, and whether it may be forgotten."""

    alert: StoredAlert
    events: tuple[AlertEvent, ...]
    forget: bool = False


_NOTHING_MORE = Said()


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
    found: list[Sequence[Reading]] = []
    for question in rule.questions(slot):
        answer = answers[question]
        if isinstance(answer, str):
            return [Look(labels, Observation(ObservationKind.FAILED, error=answer)) for labels in known or [base]]
        judged_anyway = rule.incomplete is IncompletePolicy.JUDGE
        found.append([replace(one, complete=True) for one in answer] if judged_anyway else answer)

    looks = [
        Look(rule.alert_labels(one.labels), one.observation, one.present, one.current, one.earlier)
        for one in join(rule, found)
    ]
    # Where the window is incomplete, a group that is not there may be what has not arrived.
    complete = all(reading.complete for readings in found for reading in readings)
    missing = None if complete else Observation(ObservationKind.INCOMPLETE, error=INCOMPLETE)
    present = {fingerprint(one.labels) for one in looks}
    absent = [labels for labels in known if fingerprint(labels) not in present]
    if not looks and not absent:
        absent = [base]
    for labels in absent:
        # The alert of a grouped rule as a whole stands for 'no group has any data': one that has ends it. Where absence
        # is what is bad, groups that never were are not missed.
        as_a_whole = dict(labels) == base and (bool(present) or (rule.absent and bool(rule.group_by)))
        kind = ObservationKind.HEALTHY if as_a_whole else ObservationKind.NO_DATA
        looks.append(Look(labels, missing or Observation(kind), present=False))
    return looks


def advance(
    rule: Rule,
    interval_seconds: float,
    looks: Sequence[Look],
    stored: Mapping[str, StoredAlert],
    now: float,
    *,
    said: Said = _NOTHING_MORE,
) -> list[Change]:
    """Take every alert of a rule one look further.

    Args:
        rule: The rule.
        interval_seconds: Time between two looks.
        looks: What this one said of each alert.
        stored: The rule's alerts so far, by fingerprint.
        now: The time of the look, epoch seconds.
        said: What else is said of them.
    """
    timing = rule.timing(interval_seconds)
    changes = []
    for one in looks:
        identity = fingerprint(one.labels)
        before = stored.get(identity)
        state, events = transition(timing, AlertState() if before is None else before.state, one.observation, now)
        group = one.labels if rule.sql is not None else rule.group_of(one.labels)
        described = StoredAlert(
            identity,
            rule.alert,
            rule.key,
            one.labels,
            {},
            state,
            metric=rule.metric or "",
            condition=rule.judged,
            runbook=rule.runbook or "",
            url=dashboard_link(said.dashboard_url, rule, group, state, now),
            trace_ids=_traces(before, identity, events, said),
        )
        annotations = render(rule.annotations, _context(rule, one, described))
        alert = replace(described, annotations=annotations)
        changes.append(Change(alert, events, forget=not one.present and _forgettable(state, now)))
    return changes


def firing_now(changes: Iterable[Change]) -> list[StoredAlert]:
    """The alerts that a look made fire: those whose traces are worth asking for."""
    return [one.alert for one in changes if any(event.kind is EventKind.FIRED for event in one.events)]


def _traces(before: StoredAlert | None, identity: str, events: Sequence[AlertEvent], said: Said) -> tuple[str, ...]:
    if before is None or any(event.kind is EventKind.FIRED for event in events):
        return said.trace_ids.get(identity, ())
    return before.trace_ids


def retire_all(stored: Sequence[StoredAlert], now: float) -> list[Change]:
    """End the alerts whose rules are gone."""
    changes = []
    for alert in stored:
        state, events = retire(alert.state, now)
        changes.append(Change(replace(alert, state=state), events, forget=_forgettable(state, now)))
    return changes


def _forgettable(state: AlertState, now: float) -> bool:
    if state.error is not None:
        return False
    if state.status is AlertStatus.RESOLVED:
        return now - (state.resolved_at or 0.0) > FORGET_RESOLVED_AFTER_SECONDS
    return state.status is AlertStatus.INACTIVE


def _context(rule: Rule, one: Look, alert: StoredAlert) -> AnnotationContext:
    state, slo = alert.state, rule.slo
    bad = None if slo is None else state.value
    return AnnotationContext(
        alertname=rule.alert,
        metric=alert.metric,
        window=format_duration(rule.window),
        condition=alert.condition,
        threshold=None if rule.condition is None else rule.condition.threshold,
        status=str(state.status),
        cause=str(state.cause),
        value=state.value,
        count=one.observation.count,
        error=state.error,
        labels=one.labels,
        current=one.current,
        earlier=one.earlier,
        objective=None if slo is None else slo.objective,
        burn_rate=None if slo is None or bad is None else slo.burn_rate(bad),
        budget_spent=None if slo is None or bad is None else slo.spent(bad, rule.window),
        runbook=alert.runbook,
        dashboard=alert.url,
        trace_ids=alert.trace_ids,
    )
