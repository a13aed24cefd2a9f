"""Should a channel be told about a group of alerts now? A pure decision that returns its reason."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.monitoring_api.notify.notification import NotificationStatus

# What holds a message back (a silence, an inhibition, a channel that is down) may end at any time, by anybody's hand.
LOOK_AGAIN_SECONDS = 15.0
# A time further in the future than this was told by a clock that has been set back since.
CLOCK_TOLERANCE_SECONDS = 60.0

FIRING, RESOLVED = NotificationStatus.FIRING, NotificationStatus.RESOLVED


class NotifyReason(StrEnum):
    """Why a message is due, or why none is."""

    FIRST = "first"
    CHANGED = "changed"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    NOT_ACTIVE = "not_active"
    GROUP_WAIT = "group_wait"
    GROUP_INTERVAL = "group_interval"
    ALREADY_TOLD = "already_told"
    STILL_WAITING = "still_waiting"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    NOT_WANTED = "not_wanted"

    @property
    def due(self) -> bool:
        """Whether a message is to be sent."""
        return self in {NotifyReason.FIRST, NotifyReason.CHANGED, NotifyReason.REPEAT, NotifyReason.RESOLVED}


@dataclass(frozen=True, slots=True)
class Timing:
    """A route's patience, in seconds.

    Attributes:
        wait: From the first alert to the group's first message, so that alerts of one cause come together.
        interval: At least so long between a message and the next that has news.
        repeat: At least so long between a message and a reminder without news.
    """

    wait: float
    interval: float
    repeat: float


@dataclass(frozen=True, slots=True)
class Member:
    """One firing of one alert, as a group of one channel knows it.

    Attributes:
        incident: Names the firing.
        status: Whether it goes on.
        joined_at: When the group learned of it, epoch seconds.
        told: What the channel was last told of it; None when nothing.
        routed: Whether a route still leads here.
        muted: Whether a silence or an inhibition holds it back.
        acknowledged: Whether somebody has taken it on.
    """

    incident: str
    status: NotificationStatus
    joined_at: float
    told: NotificationStatus | None = None
    routed: bool = True
    muted: bool = False
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What a group has said so far.

    Attributes:
        told_at: When its newest message went into the outbox, epoch seconds; None when there was none.
        waiting: Whether that one is still on its way: neither delivered nor given up.
    """

    told_at: float | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done.

    Attributes:
        reason: Why a message is due, or why none is.
        news: The incidents that the message is the first to tell of, or whose end it tells.
        look_again_at: When to decide anew, though nothing should happen until then; None when only a change matters.
    """

    reason: NotifyReason
    news: tuple[str, ...] = ()
    look_again_at: float | None = None


def decide(members: Sequence[Member], history: History, timing: Timing, *, send_resolved: bool, now: float) -> Decision:
    """Decide for one group of one channel.

    Args:
        members: Its alerts.
        history: What it has said so far: what is in the outbox counts as said, for the outbox loses nothing.
        timing: Its route's patience.
        send_resolved: Whether the channel wants to hear of the end.
        now: The present time, epoch seconds. What lies in the future (the clock was set back) counts as long ago.
    """
    fresh = [one for one in members if one.status is FIRING and one.told is None and one.routed]
    ended = [one for one in members if one.status is RESOLVED and one.told is FIRING and send_resolved]
    # The end of what was told is told, silence or not.
    news = [*ended, *(one for one in fresh if not one.muted)]
    known = [one for one in members if one.status is FIRING and one.told is FIRING]
    told_at = None if history.told_at is None else _past(history.told_at, now)
    if not news:
        return _without_news(fresh, known, replace(history, told_at=told_at), timing, now)
    joined_at = min(_past(one.joined_at, now) for one in news)
    earliest = joined_at + timing.wait if told_at is None else told_at + timing.interval
    if now < earliest:
        reason = NotifyReason.GROUP_WAIT if told_at is None else NotifyReason.GROUP_INTERVAL
        return Decision(reason, look_again_at=earliest)
    incidents = tuple(one.incident for one in news)
    if told_at is None:
        return Decision(NotifyReason.FIRST, incidents)
    goes_on = bool(known) or len(news) > len(ended)
    return Decision(NotifyReason.CHANGED if goes_on else NotifyReason.RESOLVED, incidents)


def _past(at: float, now: float) -> float:
    """A time that was kept, or the beginning of time when it can't be true."""
    return at if at <= now + CLOCK_TOLERANCE_SECONDS else 0.0


def after(members: Sequence[Member], news: Collection[str], *, send_resolved: bool) -> tuple[Member, ...]:
    """The members once a message is in the outbox: what it told is told, and what has nothing more to tell is left out.

    Args:
        members: The members before.
        news: The incidents that it told of; none when there was no message.
        send_resolved: Whether the channel wants to hear of the end.
    """
    told = (replace(one, told=one.status) if one.incident in news else one for one in members)
    return tuple(one for one in told if not _finished(one, send_resolved=send_resolved))


def _finished(member: Member, *, send_resolved: bool) -> bool:
    """Whether nothing will ever be said of it again: it ended untold, its end is told, or nobody wants to know."""
    if member.status is FIRING:
        return member.told is None and not member.routed
    return member.told is not FIRING or not send_resolved


def _without_news(
    fresh: Sequence[Member], known: Sequence[Member], history: History, timing: Timing, now: float
) -> Decision:
    soon = now + LOOK_AGAIN_SECONDS
    held_back = soon if fresh else None
    if not known or history.told_at is None:
        return Decision(NotifyReason.MUTED if fresh else NotifyReason.NOT_ACTIVE, look_again_at=held_back)
    due_at = history.told_at + timing.repeat
    reason = _why_no_repeat(known)
    if reason is None and due_at > now:
        return Decision(NotifyReason.ALREADY_TOLD, look_again_at=min(due_at, held_back or due_at))
    if reason is None and not history.waiting:
        return Decision(NotifyReason.REPEAT)
    return Decision(reason or NotifyReason.STILL_WAITING, look_again_at=held_back or max(due_at, soon))


def _why_no_repeat(known: Sequence[Member]) -> NotifyReason | None:
    """Why nobody is reminded of any of these; None when somebody is."""
    routed = [one for one in known if one.routed]
    heard = [one for one in routed if not one.muted]
    if not routed:
        return NotifyReason.NOT_WANTED
    if not heard:
        return NotifyReason.MUTED
    return NotifyReason.ACKNOWLEDGED if all(one.acknowledged for one in heard) else None
