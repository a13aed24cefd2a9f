"""The state machine against a model that is too simple to be wrong: it remembers every look and recounts each time."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.monitoring_api.alerting.models import (
    AlertState,
    AlertStatus,
    EventKind,
    NoDataPolicy,
    Observation,
    ObservationKind,
    Timing,
)
from services.monitoring_api.alerting.transition import transition

STEP = 10.0
TOLERANCE = 25.0


class Model:
    """Firing and waiting, recounted from the whole history of answered looks."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.looks: list[tuple[float, bool]] = []
        self.firing = False
        self.fired_times = 0
        self.resolved_times = 0

    def look(self, now: float, observation: Observation) -> None:
        """Look once."""
        if observation.kind is ObservationKind.FAILED:
            return
        empty = observation.kind is ObservationKind.NO_DATA or (observation.count or 0) < self.timing.minimum_count
        if empty and self.timing.no_data is NoDataPolicy.KEEP:
            return
        bad = self.timing.no_data is NoDataPolicy.ALERT if empty else observation.kind is ObservationKind.BREACHING
        self.looks.append((now, bad))
        if not self.firing and bad and self._held(bad=True) >= self.timing.for_seconds:
            self.firing = True
            self.fired_times += 1
        elif self.firing and not bad and self._held(bad=False) >= self.timing.keep_firing_for_seconds:
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
        hold=st.sampled_from([0.0, 20.0, 60.0]),
        keep=st.sampled_from([0.0, 30.0]),
        minimum=st.sampled_from([0, 10]),
        policy=st.sampled_from(NoDataPolicy),
    )
    def begin(self, hold, keep, minimum, policy):
        """A rule of any timing, and a fresh alert."""
        self.timing = Timing(hold, keep, minimum, policy, TOLERANCE)
        self.model = Model(self.timing)
        self.state = AlertState()
        self.now = 1000.0
        self.fired = self.resolved = 0
        self.fired_at: set[float] = set()

    @rule(
        kind=st.sampled_from([*ObservationKind, ObservationKind.BREACHING, ObservationKind.BREACHING]),
        count=st.sampled_from([0, 9, 10, 500, 500]),
        steps=st.sampled_from([1, 1, 1, 1, 2, 3, 360]),
    )
    def look(self, kind, count, steps):
        """Look once."""
        self.now += STEP * steps
        failed = kind is ObservationKind.FAILED
        observation = Observation(kind, 0.5, count, "down" if failed else None)
        before = self.state
        self.state, events = transition(self.timing, before, observation, self.now)
        self.model.look(self.now, observation)
        kinds = [event.kind for event in events]
        self.fired += kinds.count(EventKind.FIRED)
        self.resolved += kinds.count(EventKind.RESOLVED)
        if failed:
            assert self.state.status is before.status
            assert not {EventKind.FIRED, EventKind.RESOLVED, EventKind.CANCELLED} & set(kinds)
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
