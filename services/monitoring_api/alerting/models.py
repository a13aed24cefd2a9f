"""What the alert state machine works on: frozen values, no effects. All times are epoch seconds, UTC."""

from dataclasses import dataclass
from enum import StrEnum


class ObservationKind(StrEnum):
    """What one look at one alert's figure said."""

    BREACHING = "breaching"
    # Past the condition's threshold no longer, but not yet at the one that ends the alert.
    BETWEEN = "between"
    HEALTHY = "healthy"
    NO_DATA = "no_data"
    INCOMPLETE = "incomplete"
    IMMATURE = "immature"
    FAILED = "failed"

    @property
    def answered(self) -> bool:
        """Whether the look may change a status: a failed one says nothing, nor does one at a window still filling."""
        return self not in {ObservationKind.FAILED, ObservationKind.INCOMPLETE, ObservationKind.IMMATURE}


class Health(StrEnum):
    """What the last look rested on, whatever the alert's status is."""

    OK = "ok"
    NO_DATA = "no_data"
    INCOMPLETE = "incomplete"
    IMMATURE = "immature"
    ERROR = "error"


class AlertStatus(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class NoDataPolicy(StrEnum):
    """What a window without (enough) data counts as."""

    ALERT = "alert"
    OK = "ok"
    KEEP = "keep"


class IncompletePolicy(StrEnum):
    """What becomes of the figure of a window of which some data has not arrived."""

    KEEP = "keep"
    JUDGE = "judge"


class Cause(StrEnum):
    """Why an alert is active, or why it ended."""

    CONDITION = "condition"
    NO_DATA = "no_data"
    ERROR = "error"
    RULE_REMOVED = "rule_removed"


class EventKind(StrEnum):
    """A change worth remembering."""

    PENDING = "pending"
    CANCELLED = "cancelled"
    FIRED = "fired"
    RESOLVED = "resolved"
    FAILING = "failing"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Timing:
    """The part of a rule that the state machine reads.

    Attributes:
        for_seconds: How long the condition must hold before the alert fires; 0 fires at once.
        keep_firing_for_seconds: How long it must be quiet before the alert resolves; 0 resolves at once.
        minimum_count: A window with fewer events than this is treated as having no data.
        no_data: What no data counts as.
        error_for_seconds: How long looks must fail before the alert fires because of it; None: it never does.
        tolerance_seconds: The longest distance between two looks that still proves what lay between them. Time in a
            longer gap (a failed query, a stopped worker) counts towards neither `for` nor `keep_firing_for`.
    """

    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    minimum_count: int = 0
    no_data: NoDataPolicy = NoDataPolicy.KEEP
    error_for_seconds: float | None = None
    tolerance_seconds: float = float("inf")


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one alert's figure.

    Attributes:
        kind: What it said.
        value: The figure, in the metric's unit; None when there is none.
        count: Events in the window; None when the metric has no such count.
        error: Why there is no answer; set exactly when there is none.
    """

    kind: ObservationKind
    value: float | None = None
    count: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AlertState:
    """Everything that must survive a restart about one alert.

    Attributes:
        status: Where it stands.
        cause: Why it is active, or why it ended.
        active_since: When the present stretch of breaching began.
        quiet_since: When a firing alert stopped breaching; None while it breaches.
        unproven_seconds: Time of the present stretch (breaching or quiet) that nobody looked at.
        seen_at: The last look that gave an answer.
        fired_at: When it last began to fire; (fingerprint, fired_at) names one incident.
        resolved_at: When it last resolved.
        last_evaluated_at: The last look, answered or not.
        value: The last figure.
        error: Why the last look gave no answer; None when it gave one.
        health: What the last look rested on.
        failing_since: When looks began to fail; None while they don't. Windows that still fill don't fail.
    """

    status: AlertStatus = AlertStatus.INACTIVE
    cause: Cause = Cause.CONDITION
    active_since: float | None = None
    quiet_since: float | None = None
    unproven_seconds: float = 0.0
    seen_at: float | None = None
    fired_at: float | None = None
    resolved_at: float | None = None
    last_evaluated_at: float | None = None
    value: float | None = None
    error: str | None = None
    health: Health = Health.OK
    failing_since: float | None = None


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """A change of one alert at a time, with the figure that caused it."""

    kind: EventKind
    at: float
    value: float | None = None
    cause: Cause = Cause.CONDITION
    error: str | None = None
