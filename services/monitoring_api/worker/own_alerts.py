"""What the worker says of itself by alerts: pure decisions about what it saw, through the same state machine as rules'.

`DatasourceDown`: no question of any rule is answered. `WorkerBehind`: looks are recorded long after they were due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.alerting.evaluation import FORGET_RESOLVED_AFTER_SECONDS, Change, StoredAlert
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.models import (
    AlertState,
    AlertStatus,
    NoDataPolicy,
    Observation,
    ObservationKind,
    Timing,
)
from services.monitoring_api.alerting.transition import transition
from services.monitoring_api.configuration.duration import format_duration

# Two looks up to this many intervals apart still count as continuous, as with rules.
_TOLERATED_INTERVALS: Final = 2.5
# A group of short interval is not late before this.
_SHORTEST_LATE_SECONDS: Final = 30.0
_LATE_INTERVALS: Final = 2.0
_BEHIND_FOR_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class OwnRule:
    """An alert that is no file's.

    Attributes:
        name: Its name.
        summary: What it says in a line.
        remedy: What to do about it.
    """

    name: str
    summary: str
    remedy: str

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, by which routes and inhibitions know it."""
        return {"alertname": self.name, "severity": "page", "service": "sightglass-worker"}

    @property
    def key(self) -> str:
        """Its identity, as of a rule."""
        return fingerprint(self.labels)


DATASOURCE_DOWN: Final = OwnRule(
    "DatasourceDown",
    "No alert rule can be evaluated: ClickHouse answers no question",
    "`sightglass doctor` says what of ClickHouse can't be reached. Until then no other alert fires or resolves.",
)
WORKER_BEHIND: Final = OwnRule(
    "WorkerBehind",
    "Alert rules are evaluated late",
    "The worker's log says what takes so long: too many rules for their interval, slow questions, or a store that "
    "waits.",
)
OWN_KEYS: Final = frozenset({DATASOURCE_DOWN.key, WORKER_BEHIND.key})


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """How far the looks at a group are.

    Attributes:
        name: The group.
        interval_seconds: Time between two of its slots.
        slot: The newest slot that is recorded, epoch seconds; when there is none yet, when looking began.
    """

    name: str
    interval_seconds: float
    slot: float

    def lag_seconds(self, now: float) -> float:
        """How long the next slot has been due."""
        return max(0.0, now - self.slot - self.interval_seconds)

    def late(self, now: float, patience_seconds: float) -> bool:
        """Whether that is longer than a look may take."""
        allowed = max(_LATE_INTERVALS * self.interval_seconds, _SHORTEST_LATE_SECONDS) + patience_seconds
        return self.lag_seconds(now) > allowed


@dataclass(frozen=True, slots=True)
class Sight:
    """What the worker saw of itself.

    Attributes:
        questions: Questions asked lately.
        failed: How many of them had no answer when they were last asked.
        error: Why one of those had none; empty when all were answered.
        groups: How far each group's looks are.
        patience_seconds: The longest that a look at a group may take.
    """

    questions: int
    failed: int
    error: str
    groups: Sequence[GroupProgress]
    patience_seconds: float

    @property
    def blind(self) -> bool:
        """Whether nothing at all is answered."""
        return self.questions > 0 and self.failed == self.questions

    def goes_on(self, now: float) -> bool:
        """Whether evaluations really go on: every group's slots are recorded in time."""
        return not any(group.late(now, self.patience_seconds) for group in self.groups)


def observe_datasource(sight: Sight) -> Observation:
    """Whether the data source is down."""
    if not sight.questions:
        return Observation(ObservationKind.NO_DATA)
    kind = ObservationKind.BREACHING if sight.blind else ObservationKind.HEALTHY
    return Observation(kind, sight.failed / sight.questions)


def observe_lag(sight: Sight, now: float) -> Observation:
    """Whether looks are late. While the data source is down they are, and that has an alert of its own."""
    if sight.blind or not sight.groups:
        return Observation(ObservationKind.NO_DATA)
    kind = ObservationKind.HEALTHY if sight.goes_on(now) else ObservationKind.BREACHING
    return Observation(kind, max(group.lag_seconds(now) for group in sight.groups))


def look_at_oneself(
    sight: Sight,
    stored: Mapping[str, StoredAlert],
    now: float,
    *,
    interval_seconds: float,
    down_after_seconds: float,
) -> list[Change]:
    """Take the worker's own alerts one look further.

    Args:
        sight: What it saw.
        stored: Its own alerts as they are stored, by fingerprint.
        now: The time of the look, epoch seconds.
        interval_seconds: Time between two such looks.
        down_after_seconds: How long nothing may be answered before the data source counts as down, and how long
            something must be answered again before it counts as up.
    """
    longest = max((group.interval_seconds for group in sight.groups), default=interval_seconds)
    tolerance = _TOLERATED_INTERVALS * max(interval_seconds, longest)
    late = max(sight.groups, key=lambda group: group.lag_seconds(now), default=None)
    behind = "" if late is None else f"The group {late.name} is {format_duration(round(late.lag_seconds(now)))} late."
    down = _Judged(DATASOURCE_DOWN, observe_datasource(sight), sight.error, down_after_seconds)
    lag = _Judged(WORKER_BEHIND, observe_lag(sight, now), behind, _BEHIND_FOR_SECONDS)
    return [one.advance(stored.get(one.rule.key), tolerance, now) for one in (down, lag)]


@dataclass(frozen=True, slots=True)
class _Judged:
    """One of the alerts, and what this look says of it."""

    rule: OwnRule
    observation: Observation
    detail: str
    hold_seconds: float

    def advance(self, previous: StoredAlert | None, tolerance_seconds: float, now: float) -> Change:
        timing = Timing(
            for_seconds=self.hold_seconds,
            keep_firing_for_seconds=self.hold_seconds,
            no_data=NoDataPolicy.KEEP,
            tolerance_seconds=tolerance_seconds,
        )
        state, events = transition(timing, previous.state if previous else AlertState(), self.observation, now)
        description = " ".join(part for part in (self.detail, self.rule.remedy) if part)
        annotations = {"summary": self.rule.summary, "description": description}
        if previous is not None and self.observation.kind is not ObservationKind.BREACHING:
            # What is over is told with what it was about.
            annotations = dict(previous.annotations)
        condition = f"holds for {format_duration(self.hold_seconds)}"
        rule = self.rule
        alert = StoredAlert(rule.key, rule.name, rule.key, rule.labels, annotations, state, condition=condition)
        return Change(alert, events, forget=_forgettable(state, now))


def _forgettable(state: AlertState, now: float) -> bool:
    """One that is not active is no news: it is shown while it is, and for a day after."""
    if state.status is AlertStatus.RESOLVED:
        return now - (state.resolved_at or 0.0) > FORGET_RESOLVED_AFTER_SECONDS
    return state.status is AlertStatus.INACTIVE
