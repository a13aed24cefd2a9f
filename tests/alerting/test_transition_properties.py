"""The state machine against a model that is too simple to be wrong: it remembers every look and recounts each time."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.monitoring_api.alerting.models import (
    AlertState,
    AlertStatus,
    Cause,
    EventKind,
    NoDataPolicy,
    Observation,
    ObservationKind,
    Timing,
)
from services.monitoring_api.alerting.transition import transition

STEP = 10.0
TOLERANCE = 25.0


# What tells most about an alert comes most often.
_COMMON = (*[ObservationKind.BREACHING] * 3, *[ObservationKind.FAILED] * 3, ObservationKind.HEALTHY)


class Model:
    """Firing and waiting, recounted from the whole history of looks."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.looks: list[tuple[float, bool]] = []
        self.failures: list[float] = []
        self.last = 0.0
        self.firing = False
        self.by_error = False
        self.fired_times = 0
        self.resolved_times = 0

    def look(self, now: float, observation: Observation) -> None:
        """Look once."""
        gap, self.last = now - self.last, now
        if observation.kind is ObservationKind.FAILED:
            self.failures = [*(self.failures if gap <= TOLERANCE else []), now]
            wanted = self.timing.error_for_seconds
            if not self.firing and wanted is not None and now - self.failures[0] >= wanted:
                self.firing = self.by_error = True
                self.fired_times += 1
            return
        self.failures = []
        if observation.kind in {ObservationKind.INCOMPLETE, ObservationKind.IMMATURE}:
            return
        told, self.by_error = self.by_error, False
        self.firing = self.firing and not told
        self._answer(now, observation)
        # An error that was told ends as one, unless what it hid fires at once.
        if told:
            self.fired_times -= self.firing
            self.resolved_times += not self.firing

    def _answer(self, now: float, observation: Observation) -> None:
        empty = observation.kind is ObservationKind.NO_DATA or (observation.count or 0) < self.timing.minimum_count
        if empty and self.timing.no_data is NoDataPolicy.KEEP:
            return
        between = self.firing and observation.kind is ObservationKind.BETWEEN
        bad = observation.kind is ObservationKind.BREACHING or between
        self.looks.append((now, self.timing.no_data is NoDataPolicy.ALERT if empty else bad))
        if not self.firing and self.looks[-1][1] and self._held(bad=True) >= self.timing.for_seconds:
            self.firing = True
            self.fired_times += 1
        elif self.firing and not self.looks[-1][1] and self._held(bad=False) >= self.timing.keep_firing_for_seconds:
            self.firing = False
            self.resolved_times += 1

    @property
    def pending(self) -> bool:
        """Whether it waits."""
        return not self.firing and bool(self.looks) and self.looks[-1][1]

    def _held(self, *, bad: bool) -> float:
        """Proven length of the present stretch of equal looks."""
        held, times = 0.0, []
        for at, was_bad in reversed(self.looks):
            if was_bad is not bad:
                break
            times.append(at)
        for later, earlier in pairwise(times):
            held += later - earlier if later - earlier <= TOLERANCE else 0.0
        return held


class AlertMachine(RuleBasedStateMachine):
    """Looks of every kind at times with gaps of every length."""

    @initialize(
        hold=st.sampled_from([0.0, 10.0, 10.0, 60.0]),
        keep=st.sampled_from([0.0, 30.0]),
        minimum=st.sampled_from([0, 10]),
        policy=st.sampled_from(NoDataPolicy),
        error_for=st.sampled_from([None, 0.0, 0.0, 20.0]),
    )
    def begin(self, hold, keep, minimum, policy, error_for):
        """A rule of any timing, and a fresh alert."""
        self.timing = Timing(hold, keep, minimum, policy, error_for, TOLERANCE)
        self.model = Model(self.timing)
        self.state = AlertState()
        self.now = 1000.0
        self.fired = self.resolved = 0
        self.fired_at: set[float] = set()

    @rule(
        kind=st.sampled_from([*ObservationKind, *_COMMON]),
        count=st.sampled_from([0, 9, 10, 500, 500]),
        steps=st.sampled_from([1, 1, 1, 1, 2, 3, 360]),
    )
    def look(self, kind, count, steps):
        """Look once."""
        self.now += STEP * steps
        observation = Observation(kind, 0.5, count, None if kind.answered else "down")
        before = self.state
        self.state, events = transition(self.timing, before, observation, self.now)
        self.model.look(self.now, observation)
        kinds = [event.kind for event in events]
        self.fired += kinds.count(EventKind.FIRED)
        self.resolved += kinds.count(EventKind.RESOLVED)
        if not kind.answered:
            told = self.timing.error_for_seconds is not None and kind is ObservationKind.FAILED
            assert self.state.status is before.status or (told and self.state.cause is Cause.ERROR)
            assert not {EventKind.RESOLVED, EventKind.CANCELLED} & set(kinds)
        if before.status is AlertStatus.FIRING and EventKind.FIRED not in kinds:
            assert self.state.fired_at == before.fired_at, "an incident keeps its name to its end"
        if EventKind.FIRED in kinds:
            assert self.state.fired_at not in self.fired_at, "an incident is named once"
            self.fired_at.add(self.state.fired_at)

    @rule()
    def look_again_at_the_same_time(self):
        """The same time twice changes nothing."""
        observation = Observation(ObservationKind.BREACHING, 0.9, 500)
        if self.state.last_evaluated_at is not None:
            assert transition(self.timing, self.state, observation, self.now) == (self.state, ())

    @invariant()
    def agrees_with_the_model(self):
        """Status and counts are those of the recount."""
        if not hasattr(self, "model"):
            return
        assert (self.state.status is AlertStatus.FIRING) == self.model.firing
        assert (self.state.status is AlertStatus.PENDING) == self.model.pending
        assert (self.fired, self.resolved) == (self.model.fired_times, self.model.resolved_times)
        assert self.fired - self.resolved in {0, 1}


TestAlertMachine = AlertMachine.TestCase
TestAlertMachine.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
