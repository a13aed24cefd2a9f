"""The state machine, one row per transition."""

from dataclasses import replace

import pytest

from services.monitoring_api.alerting.models import (
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
from services.monitoring_api.alerting.transition import retire, transition

INACTIVE, PENDING, FIRING, RESOLVED = AlertStatus
BREACHING = Observation(ObservationKind.BREACHING, 0.9)
HEALTHY = Observation(ObservationKind.HEALTHY, 0.1)
NO_DATA = Observation(ObservationKind.NO_DATA)
FAILED = Observation(ObservationKind.FAILED, error="ClickHouse can't be reached")
BETWEEN = Observation(ObservationKind.BETWEEN, 0.4)
INCOMPLETE = Observation(ObservationKind.INCOMPLETE, error="the window is incomplete")
IMMATURE = Observation(ObservationKind.IMMATURE, error="the window is immature")

NOW = 1_000.0
RULE = Timing(for_seconds=60, keep_firing_for_seconds=30, tolerance_seconds=40)
AT_ONCE = Timing(tolerance_seconds=40)
# Its failures are told after 30 s.
WATCHED = Timing(for_seconds=60, keep_firing_for_seconds=30, error_for_seconds=30, tolerance_seconds=40)
WATCHED_AT_ONCE = replace(AT_ONCE, error_for_seconds=30)

FRESH = AlertState()
SEEN = AlertState(seen_at=NOW - 15, last_evaluated_at=NOW - 15)
WAITING = replace(SEEN, status=PENDING, active_since=NOW - 45)
RIPE = replace(SEEN, status=PENDING, active_since=NOW - 60)
BURNING = replace(SEEN, status=FIRING, active_since=NOW - 90, fired_at=NOW - 30)
QUIETING = replace(BURNING, quiet_since=NOW - 15)
QUIET = replace(BURNING, quiet_since=NOW - 30)
ENDED = replace(SEEN, status=RESOLVED, fired_at=NOW - 500, resolved_at=NOW - 100)
FAILING = replace(SEEN, error="before", failing_since=NOW - 30)
BROKEN = replace(FAILING, status=FIRING, cause=Cause.ERROR, fired_at=NOW - 15, failing_since=NOW - 45)
# Failed while it waited.
BROKEN_WAITING = replace(BROKEN, active_since=NOW - 60, seen_at=NOW - 30)

_CASES = {
    # name: (rule, previous, observation, status after, events)
    "healthy stays inactive": (RULE, FRESH, HEALTHY, INACTIVE, []),
    "breaching begins to wait": (RULE, FRESH, BREACHING, PENDING, ["pending"]),
    "breaching fires at once without for": (AT_ONCE, FRESH, BREACHING, FIRING, ["pending", "fired"]),
    "not yet held for long enough": (RULE, WAITING, BREACHING, PENDING, []),
    "held for exactly `for` fires": (RULE, RIPE, BREACHING, FIRING, ["fired"]),
    "healthy cancels what waited": (RULE, RIPE, HEALTHY, INACTIVE, ["cancelled"]),
    "breaching goes on firing": (RULE, BURNING, BREACHING, FIRING, []),
    "healthy begins to keep firing": (RULE, BURNING, HEALTHY, FIRING, []),
    "not yet quiet for long enough": (RULE, QUIETING, HEALTHY, FIRING, []),
    "quiet for exactly `keep_firing_for` resolves": (RULE, QUIET, HEALTHY, RESOLVED, ["resolved"]),
    "healthy resolves at once without keep_firing_for": (AT_ONCE, BURNING, HEALTHY, RESOLVED, ["resolved"]),
    "breaching again ends the quiet": (RULE, QUIET, BREACHING, FIRING, []),
    "resolved begins anew": (RULE, ENDED, BREACHING, PENDING, ["pending"]),
    "resolved stays resolved": (RULE, ENDED, HEALTHY, RESOLVED, []),
    "failed fires nothing": (AT_ONCE, FRESH, FAILED, INACTIVE, ["failing"]),
    "failed does not end the wait": (RULE, RIPE, FAILED, PENDING, ["failing"]),
    "failed resolves nothing": (AT_ONCE, BURNING, FAILED, FIRING, ["failing"]),
    "failed resolves nothing quiet": (RULE, QUIET, FAILED, FIRING, ["failing"]),
    "failing is told once": (RULE, replace(BURNING, error="before"), FAILED, FIRING, []),
    "an answer ends the failing": (RULE, replace(BURNING, error="before"), BREACHING, FIRING, ["recovered"]),
    "no data, keep: inactive": (AT_ONCE, FRESH, NO_DATA, INACTIVE, []),
    "no data, keep: pending": (RULE, RIPE, NO_DATA, PENDING, []),
    "no data, keep: firing": (AT_ONCE, BURNING, NO_DATA, FIRING, []),
    "no data, ok: pending": (replace(RULE, no_data=NoDataPolicy.OK), RIPE, NO_DATA, INACTIVE, ["cancelled"]),
    "no data, ok: firing": (replace(AT_ONCE, no_data=NoDataPolicy.OK), BURNING, NO_DATA, RESOLVED, ["resolved"]),
    "no data, alert: inactive": (replace(RULE, no_data=NoDataPolicy.ALERT), FRESH, NO_DATA, PENDING, ["pending"]),
    "no data, alert: held": (replace(RULE, no_data=NoDataPolicy.ALERT), RIPE, NO_DATA, FIRING, ["fired"]),
    "no data, alert: firing": (replace(AT_ONCE, no_data=NoDataPolicy.ALERT), QUIET, NO_DATA, FIRING, []),
    "too few events are no data": (
        replace(AT_ONCE, minimum_count=20),
        FRESH,
        replace(BREACHING, count=19),
        INACTIVE,
        [],
    ),
    "enough events": (
        replace(AT_ONCE, minimum_count=20),
        FRESH,
        replace(BREACHING, count=20),
        FIRING,
        ["pending", "fired"],
    ),
    "too few healthy events resolve nothing under keep": (
        replace(AT_ONCE, minimum_count=20),
        BURNING,
        replace(HEALTHY, count=1),
        FIRING,
        [],
    ),
    "between the thresholds is not bad": (AT_ONCE, FRESH, BETWEEN, INACTIVE, []),
    "between the thresholds ends the wait": (RULE, RIPE, BETWEEN, INACTIVE, ["cancelled"]),
    "between the thresholds goes on firing": (AT_ONCE, BURNING, BETWEEN, FIRING, []),
    "between the thresholds ends the quiet": (RULE, QUIET, BETWEEN, FIRING, []),
    "between the thresholds stays resolved": (AT_ONCE, ENDED, BETWEEN, RESOLVED, []),
    "too few events between the thresholds are no data": (
        replace(AT_ONCE, minimum_count=20, no_data=NoDataPolicy.OK),
        BURNING,
        replace(BETWEEN, count=19),
        RESOLVED,
        ["resolved"],
    ),
    "incomplete fires nothing": (AT_ONCE, FRESH, INCOMPLETE, INACTIVE, ["failing"]),
    "incomplete does not end the wait": (RULE, RIPE, INCOMPLETE, PENDING, ["failing"]),
    "incomplete resolves nothing": (AT_ONCE, QUIET, INCOMPLETE, FIRING, ["failing"]),
    "immature fires nothing": (AT_ONCE, FRESH, IMMATURE, INACTIVE, ["failing"]),
    "immature does not end the wait": (RULE, RIPE, IMMATURE, PENDING, ["failing"]),
    "immature resolves nothing": (AT_ONCE, QUIET, IMMATURE, FIRING, ["failing"]),
    "failing for a time is told": (WATCHED, FAILING, FAILED, FIRING, ["fired"]),
    "failing is not told before": (WATCHED, replace(FAILING, failing_since=NOW - 29), FAILED, INACTIVE, []),
    "failing begins to count": (WATCHED, SEEN, FAILED, INACTIVE, ["failing"]),
    "failing that nobody watched does not count": (
        WATCHED,
        replace(FAILING, last_evaluated_at=NOW - 41),
        FAILED,
        INACTIVE,
        [],
    ),
    "incomplete for a time is not told": (WATCHED, FAILING, INCOMPLETE, INACTIVE, []),
    "immature for a time is not told": (WATCHED, FAILING, IMMATURE, INACTIVE, []),
    "failing is not told without error_for": (RULE, FAILING, FAILED, INACTIVE, []),
    "what waits and fails is told": (
        WATCHED,
        replace(FAILING, status=PENDING, active_since=NOW - 45),
        FAILED,
        FIRING,
        ["fired"],
    ),
    "what fires and fails goes on": (WATCHED, replace(BURNING, error="before", failing_since=0.0), FAILED, FIRING, []),
    "what resolved and fails is told": (
        WATCHED,
        replace(ENDED, error="x", failing_since=0.0),
        FAILED,
        FIRING,
        ["fired"],
    ),
    "told goes on while it fails": (WATCHED, BROKEN, FAILED, FIRING, []),
    "told goes on while the window fills": (WATCHED, BROKEN, INCOMPLETE, FIRING, []),
    "a good answer ends what was told": (WATCHED, BROKEN, HEALTHY, RESOLVED, ["recovered", "resolved"]),
    "no data ends what was told": (WATCHED, BROKEN, NO_DATA, RESOLVED, ["recovered", "resolved"]),
    "a bad answer ends it and begins to wait": (
        WATCHED,
        BROKEN,
        BREACHING,
        PENDING,
        ["recovered", "resolved", "pending"],
    ),
    "a bad answer goes on firing without for": (WATCHED_AT_ONCE, BROKEN, BREACHING, FIRING, ["recovered"]),
    "what waited and is due goes on firing": (WATCHED, BROKEN_WAITING, BREACHING, FIRING, ["recovered"]),
    "what waited waits on when nobody saw enough": (
        WATCHED,
        replace(BROKEN_WAITING, seen_at=NOW - 50),
        BREACHING,
        PENDING,
        ["recovered", "resolved"],
    ),
    "what waited is over": (WATCHED, BROKEN_WAITING, HEALTHY, RESOLVED, ["recovered", "resolved"]),
    "a time already looked at changes nothing": (AT_ONCE, replace(BURNING, last_evaluated_at=NOW), HEALTHY, FIRING, []),
}


@pytest.mark.parametrize("name", _CASES)
def test_each_transition(name):
    """Every state and observation leads where the table says, with exactly these events."""
    rule, previous, observation, status, events = _CASES[name]
    state, happened = transition(rule, previous, observation, NOW)
    assert (state.status, [str(event.kind) for event in happened]) == (status, events)


def test_failed_keeps_all_but_the_error():
    """A failed look changes the error and the time of the look, nothing else."""
    state, _ = transition(RULE, RIPE, FAILED, NOW)
    failed = {"error": "ClickHouse can't be reached", "health": Health.ERROR, "failing_since": NOW}
    assert state == replace(RIPE, last_evaluated_at=NOW, **failed)


@pytest.mark.parametrize(
    ("observation", "health"),
    [
        (BREACHING, Health.OK),
        (HEALTHY, Health.OK),
        (BETWEEN, Health.OK),
        (NO_DATA, Health.NO_DATA),
        (replace(BREACHING, count=1), Health.NO_DATA),
        (INCOMPLETE, Health.INCOMPLETE),
        (IMMATURE, Health.IMMATURE),
        (FAILED, Health.ERROR),
    ],
)
@pytest.mark.parametrize("previous", [FRESH, RIPE, QUIET, ENDED, BROKEN])
def test_what_a_look_rested_on_is_shown_beside_the_status(previous, observation, health):
    """Whatever the status is, the same alert says whether there was data, or an error."""
    state, _ = transition(replace(WATCHED, minimum_count=5), previous, observation, NOW)
    assert state.health is health
    assert (state.error is None) == observation.kind.answered


def test_an_incident_told_as_an_error_ends_as_that_incident():
    """Whoever heard of it hears of its end, by the same name, also when the next one already waits."""
    for observation in (HEALTHY, BREACHING):
        state, events = transition(WATCHED, BROKEN, observation, NOW)
        assert state.fired_at == BROKEN.fired_at
        assert (events[1].kind, events[1].cause) == (EventKind.RESOLVED, Cause.ERROR)
    state, _ = transition(WATCHED_AT_ONCE, BROKEN, BREACHING, NOW)
    assert (state.fired_at, state.cause) == (BROKEN.fired_at, Cause.CONDITION)


def test_an_error_after_an_incident_proves_nothing_of_the_next():
    """What resolved long ago does not count as waiting since then."""
    ended = replace(ENDED, active_since=NOW - 600, error="before", failing_since=NOW - 30)
    state, _ = transition(WATCHED, ended, FAILED, NOW)
    assert (state.status, state.active_since) == (FIRING, None)
    state, events = transition(WATCHED, state, BREACHING, NOW + 15)
    assert (state.status, state.active_since) == (PENDING, NOW + 15)
    assert [event.kind for event in events] == [EventKind.RECOVERED, EventKind.RESOLVED, EventKind.PENDING]


@pytest.mark.parametrize("between", [INCOMPLETE, IMMATURE, HEALTHY, NO_DATA])
def test_only_failures_in_a_row_are_told(between):
    """A window that still fills is none, and neither is an answer: the time starts again."""
    state, _ = transition(WATCHED, FAILING, between, NOW)
    for seconds, status in ((15, INACTIVE), (30, INACTIVE), (45, FIRING)):
        state, _ = transition(WATCHED, state, FAILED, NOW + seconds)
        assert state.status is status


def test_an_error_in_between_takes_nothing_from_the_wait():
    """`for` goes on from where it was before the looks failed."""
    waiting = replace(WAITING, active_since=NOW - 45, seen_at=NOW)
    state = replace(waiting, last_evaluated_at=NOW)
    for seconds in (15, 30, 45):
        state, _ = transition(WATCHED, state, FAILED, NOW + seconds)
    assert (state.status, state.cause) == (FIRING, Cause.ERROR)
    state, _ = transition(WATCHED, state, BREACHING, NOW + 60)
    assert (state.status, state.active_since) == (PENDING, waiting.active_since)
    state, events = transition(WATCHED, state, BREACHING, NOW + 75)
    assert [event.kind for event in events] == [EventKind.FIRED]


def test_time_that_nobody_looked_at_proves_nothing():
    """After an hour's outage a waiting alert goes on waiting from where it was, and then fires."""
    state, _ = transition(RULE, WAITING, BREACHING, NOW)
    state, events = transition(RULE, state, BREACHING, NOW + 3600)
    assert (state.status, events) == (PENDING, ())
    state, events = transition(RULE, state, BREACHING, NOW + 3615)
    assert [event.kind for event in events] == [EventKind.FIRED]
    assert state.active_since == WAITING.active_since


def test_quiet_that_nobody_looked_at_resolves_nothing():
    """After an hour's outage a quiet alert still needs the rest of `keep_firing_for`."""
    state, _ = transition(RULE, QUIETING, HEALTHY, NOW)
    state, events = transition(RULE, state, HEALTHY, NOW + 3600)
    assert (state.status, events) == (FIRING, ())
    state, events = transition(RULE, state, HEALTHY, NOW + 3615)
    assert [event.kind for event in events] == [EventKind.RESOLVED]


def test_one_missed_look_is_forgiven():
    """A gap within the tolerance counts towards `for`."""
    state, events = transition(RULE, replace(RIPE, seen_at=NOW - 40), BREACHING, NOW)
    assert state.status is FIRING
    assert events[0].at == NOW


def test_the_clock_set_back_does_not_silence_an_alert():
    """A state from the future starts its stretch again instead of waiting for the clock to catch up."""
    future = replace(RIPE, active_since=NOW + 9_000, seen_at=NOW + 10_000, last_evaluated_at=NOW + 10_000)
    state, _ = transition(RULE, future, BREACHING, NOW)
    assert (state.status, state.active_since, state.last_evaluated_at) == (PENDING, NOW, NOW)
    for look in range(1, 5):
        state, events = transition(RULE, state, BREACHING, NOW + 15 * look)
    assert [event.kind for event in events] == [EventKind.FIRED]


@pytest.mark.parametrize(
    ("previous", "status", "events"),
    [(FRESH, INACTIVE, []), (RIPE, INACTIVE, ["cancelled"]), (QUIET, RESOLVED, ["resolved"]), (ENDED, RESOLVED, [])],
)
def test_a_removed_rule_ends_its_alerts(previous, status, events):
    """What fires resolves and says that the rule is gone; what waits is cancelled."""
    state, happened = retire(previous, NOW)
    assert (state.status, [str(event.kind) for event in happened]) == (status, events)
    if previous.status is FIRING:
        assert (state.cause, state.resolved_at) == (Cause.RULE_REMOVED, NOW)
