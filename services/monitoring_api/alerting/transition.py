"""The alert state machine: one pure function. Time, rule and data are arguments.

    inactive/resolved --breaching--> pending --held for `for`--> firing --quiet for `keep_firing_for`--> resolved
                                     pending --healthy--> inactive

A failed look changes no status: it neither fires, nor resolves, nor resets the progress of `for`.
"""

from dataclasses import replace
from typing import TypeAlias

from services.monitoring_api.alerting.models import (
    AlertEvent,
    AlertState,
    AlertStatus,
    Cause,
    EventKind,
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
    if observation.kind is ObservationKind.FAILED:
        return _failed(previous, observation, now)

    events: tuple[AlertEvent, ...] = ()
    if previous.error is not None:
        events = (AlertEvent(EventKind.RECOVERED, now),)
    looked = replace(previous, last_evaluated_at=now, value=observation.value, error=None)

    reading = _reading(rule, observation)
    if reading is None:
        return looked, events
    breaching, cause = reading
    step = _breaching(rule, looked, cause, now) if breaching else _quiet(rule, looked, cause, now)
    state, changes = step
    return replace(state, seen_at=now), events + changes


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
    )


def _reading(rule: Timing, observation: Observation) -> tuple[bool, Cause] | None:
    """Whether the look counts as breaching, and why; None when it says nothing."""
    enough = observation.count is None or observation.count >= rule.minimum_count
    if observation.kind is ObservationKind.NO_DATA or not enough:
        if rule.no_data is NoDataPolicy.KEEP:
            return None
        return rule.no_data is NoDataPolicy.ALERT, Cause.NO_DATA
    return observation.kind is ObservationKind.BREACHING, Cause.CONDITION


def _failed(previous: AlertState, observation: Observation, now: float) -> Step:
    error = observation.error or "the evaluation failed"
    events: tuple[AlertEvent, ...] = ()
    if previous.error is None:
        events = (AlertEvent(EventKind.FAILING, now, error=error),)
    return replace(previous, last_evaluated_at=now, error=error), events


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
