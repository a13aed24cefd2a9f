"""Should this channel be told about this alert now? A pure decision that returns its reason."""

from dataclasses import dataclass
from enum import StrEnum

from services.monitoring_api.notify.notification import NotificationStatus


class NotifyReason(StrEnum):
    """Why a message is due, or why none is."""

    FIRST = "first"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    NOT_ACTIVE = "not_active"
    ALREADY_TOLD = "already_told"
    STILL_WAITING = "still_waiting"
    NEVER_TOLD = "never_told"
    NOT_WANTED = "not_wanted"

    @property
    def due(self) -> bool:
        """Whether a message is to be sent."""
        return self in {NotifyReason.FIRST, NotifyReason.REPEAT, NotifyReason.RESOLVED}


@dataclass(frozen=True, slots=True)
class LastNotification:
    """The newest message about an alert in a channel's outbox.

    Attributes:
        incident: Which firing it was about.
        status: What it said.
        created_at: When it was put into the outbox.
        waiting: Whether it is still on its way: neither delivered nor given up.
    """

    incident: str
    status: NotificationStatus
    created_at: float
    waiting: bool


def decide(
    status: NotificationStatus | None,
    incident: str,
    last: LastNotification | None,
    *,
    repeat_interval_seconds: float,
    send_resolved: bool,
    routed: bool,
    now: float,
) -> NotifyReason:
    """Decide for one alert and one channel.

    Args:
        status: What there is to say; None when the alert neither fires nor has just resolved.
        incident: Which firing this is.
        last: What the channel was last told, delivered or still in the outbox: the outbox loses nothing.
        repeat_interval_seconds: How often a firing alert is repeated.
        send_resolved: Whether the channel wants to hear of the end.
        routed: Whether a route still leads here. A channel that was told of a firing is told of its end anyway.
        now: The present time, epoch seconds.
    """
    if status is None:
        return NotifyReason.NOT_ACTIVE
    known = last if last is not None and last.incident == incident else None
    if status is NotificationStatus.RESOLVED:
        return _resolved(known, send_resolved=send_resolved)
    if not routed:
        return NotifyReason.NOT_WANTED
    if known is None:
        return NotifyReason.FIRST
    if known.waiting:
        return NotifyReason.STILL_WAITING
    due = now - known.created_at >= repeat_interval_seconds
    return NotifyReason.REPEAT if due else NotifyReason.ALREADY_TOLD


def _resolved(known: LastNotification | None, *, send_resolved: bool) -> NotifyReason:
    if known is None:
        return NotifyReason.NEVER_TOLD
    if known.status is NotificationStatus.RESOLVED:
        return NotifyReason.ALREADY_TOLD
    return NotifyReason.RESOLVED if send_resolved else NotifyReason.NOT_WANTED
