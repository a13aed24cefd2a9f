"""The alert state machine: one pure function. Time, rule and data are arguments.

    inactive/resolved --breaching--> pending --held for `for`--> firing --quiet for `keep_firing_for`--> resolved
                                     pending --healthy--> inactive

A failed look changes no status: it neither fires, nor resolves, nor resets the progress of `for`. The same holds for a
look at a window whose data or labels are still coming. Only a rule that says so fires when its looks fail for long;
such a firing ends with the first answer.
"""

from dataclasses import replace
from typing import TypeAlias

from services.monitoring_api.alerting.models import (
    AlertEvent,
    AlertState,
    AlertStatus,
    Cause,
    EventKind,
    Health,
    NoDataPolicy,
    Observation,
    ObservationKind,
    Timing,
)

Step: TypeAlias = tuple[AlertState, tuple[AlertEvent, ...]]


def transition(rule: Timing, previous: AlertState, observation: Observation, now: float) -> Step:
    """Take one alert one look further.

    Args:
        rule: The timing of its rule.
        previous: Its state before this look.
        observation: What the look said.
        now: The time of the look, epoch seconds. A look not later than the last one changes nothing, unless the clock
            has clearly been set back: then the present stretch starts again, so that alerting goes on.

    Returns:
        The state after it, and the events in the order in which they happened.
    """
    if previous.last_evaluated_at is not None and now <= previous.last_evaluated_at:
        if previous.last_evaluated_at - now <= rule.tolerance_seconds:
            return previous, ()
        previous = _rebase(previous, now)
    if not observation.kind.answered:
        return _unanswered(rule, previous, observation, now)

    events: tuple[AlertEvent, ...] = ()
    if previous.error is not None:
        events = (AlertEvent(EventKind.RECOVERED, now),)
    empty = _says_nothing(rule, observation)
    looked = replace(
        previous,
        last_evaluated_at=now,
        value=observation.value,
        error=None,
        health=Health.NO_DATA if empty else Health.OK,
        failing_since=None,
    )
    if looked.status is AlertStatus.FIRING and looked.cause is Cause.ERROR:
        state, changes = _answered_at_last(rule, looked, observation, now)
    else:
        state, changes = _answered(rule, looked, observation, now)
    return state, events + changes


def retire(previous: AlertState, now: float) -> Step:
    """End an alert whose rule is gone: a firing one resolves and says why, any other becomes inactive."""
    if previous.status is AlertStatus.FIRING:
        return _resolve(previous, Cause.RULE_REMOVED, now)
    if previous.status is AlertStatus.PENDING:
        return _cancel(previous, now)
    return previous, ()


def _rebase(state: AlertState, now: float) -> AlertState:
    """The state after the clock was set back: nothing is proved about the stretch under way."""
    return replace(
        state,
        active_since=None if state.active_since is None else min(state.active_since, now),
        quiet_since=None if state.quiet_since is None else now,
        unproven_seconds=0.0,
        seen_at=None,
        failing_since=None if state.failing_since is None else min(state.failing_since, now),
    )


def _says_nothing(rule: Timing, observation: Observation) -> bool:
    """Whether there was no data, or too little of it."""
    enough = observation.count is None or observation.count >= rule.minimum_count
    return observation.kind is ObservationKind.NO_DATA or not enough


def _reading(rule: Timing, state: AlertState, observation: Observation) -> tuple[bool, Cause] | None:
    """Whether the look counts as breaching, and why; None when it says nothing."""
    if _says_nothing(rule, observation):
        if rule.no_data is NoDataPolicy.KEEP:
            return None
        return rule.no_data is NoDataPolicy.ALERT, Cause.NO_DATA
    if observation.kind is ObservationKind.BETWEEN:
        return state.status is AlertStatus.FIRING, Cause.CONDITION
    return observation.kind is ObservationKind.BREACHING, Cause.CONDITION


def _answered(rule: Timing, state: AlertState, observation: Observation, now: float) -> Step:
    reading = _reading(rule, state, observation)
    if reading is None:
        return state, ()
    breaching, cause = reading
    state, events = _breaching(rule, state, cause, now) if breaching else _quiet(rule, state, cause, now)
    return replace(state, seen_at=now), events


def _answered_at_last(rule: Timing, state: AlertState, observation: Observation, now: float) -> Step:
    """The first answer after an alert fired because there was none: it ends, or goes on for what the answer says."""
    waited = state.active_since is not None
    before = replace(state, status=AlertStatus.PENDING if waited else AlertStatus.INACTIVE, cause=Cause.CONDITION)
    after, began = _answered(rule, before, observation, now)
    if after.status is AlertStatus.FIRING:
        # The same incident, so that nobody is left with one that never ends.
        return replace(after, fired_at=state.fired_at), ()
    ended, events = _resolve(state, Cause.ERROR, now)
    if after.status is AlertStatus.PENDING:
        return replace(after, fired_at=state.fired_at, resolved_at=now), events + began
    return replace(ended, active_since=None, seen_at=after.seen_at), events


def _unanswered(rule: Timing, previous: AlertState, observation: Observation, now: float) -> Step:
    error = observation.error or "the evaluation failed"
    events: tuple[AlertEvent, ...] = ()
    if previous.error is None:
        events = (AlertEvent(EventKind.FAILING, now, error=error),)
    failed = observation.kind is ObservationKind.FAILED
    health = Health.ERROR if failed else Health(observation.kind.value)
    state = replace(previous, last_evaluated_at=now, error=error, health=health)
    if not failed:
        return replace(state, failing_since=None), events
    watched = now - (previous.last_evaluated_at or now) <= rule.tolerance_seconds
    since = previous.failing_since if previous.failing_since is not None and watched else now
    state = replace(state, failing_since=since)
    due = rule.error_for_seconds is not None and now - since >= rule.error_for_seconds
    if not due or state.status is AlertStatus.FIRING:
        return state, events
    fired = replace(
        state,
        status=AlertStatus.FIRING,
        cause=Cause.ERROR,
        # What waited goes on waiting from where it was once there is an answer.
        active_since=state.active_since if state.status is AlertStatus.PENDING else None,
        quiet_since=None,
        fired_at=now,
        resolved_at=None,
    )
    return fired, (*events, AlertEvent(EventKind.FIRED, now, cause=Cause.ERROR, error=error))


def _breaching(rule: Timing, state: AlertState, cause: Cause, now: float) -> Step:
    if state.status is AlertStatus.FIRING:
        return replace(state, cause=cause, quiet_since=None, unproven_seconds=0.0), ()
    if state.status is AlertStatus.PENDING:
        state = replace(state, cause=cause, unproven_seconds=state.unproven_seconds + _gap(rule, state, now))
        return _fire_when_due(rule, state, now, ())
    state = replace(
        state,
        status=AlertStatus.PENDING,
        cause=cause,
        active_since=now,
        quiet_since=None,
        unproven_seconds=0.0,
        fired_at=None,
        resolved_at=None,
    )
    began = AlertEvent(EventKind.PENDING, now, state.value, cause)
    return _fire_when_due(rule, state, now, (began,))


def _fire_when_due(rule: Timing, state: AlertState, now: float, events: tuple[AlertEvent, ...]) -> Step:
    since = now if state.active_since is None else state.active_since
    if now - since - state.unproven_seconds < rule.for_seconds:
        return state, events
    fired = replace(state, status=AlertStatus.FIRING, fired_at=now, quiet_since=None, unproven_seconds=0.0)
    return fired, (*events, AlertEvent(EventKind.FIRED, now, fired.value, fired.cause))


def _quiet(rule: Timing, state: AlertState, cause: Cause, now: float) -> Step:
    if state.status is AlertStatus.PENDING:
        return _cancel(state, now)
    if state.status is not AlertStatus.FIRING:
        return state, ()
    if state.quiet_since is None:
        state = replace(state, quiet_since=now, unproven_seconds=0.0)
    else:
        state = replace(state, unproven_seconds=state.unproven_seconds + _gap(rule, state, now))
    quiet_since = now if state.quiet_since is None else state.quiet_since
    if now - quiet_since - state.unproven_seconds < rule.keep_firing_for_seconds:
        return state, ()
    return _resolve(state, cause, now)


def _gap(rule: Timing, state: AlertState, now: float) -> float:
    """The time since the last answered look, when it is too long to prove what lay between."""
    elapsed = 0.0 if state.seen_at is None else now - state.seen_at
    return elapsed if elapsed > rule.tolerance_seconds else 0.0


def _cancel(state: AlertState, now: float) -> Step:
    ended = replace(state, status=AlertStatus.INACTIVE, active_since=None, quiet_since=None, unproven_seconds=0.0)
    return ended, (AlertEvent(EventKind.CANCELLED, now, state.value),)


def _resolve(state: AlertState, cause: Cause, now: float) -> Step:
    ended = replace(
        state, status=AlertStatus.RESOLVED, cause=cause, resolved_at=now, quiet_since=None, unproven_seconds=0.0
    )
    return ended, (AlertEvent(EventKind.RESOLVED, now, state.value, cause),)
