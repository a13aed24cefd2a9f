"""What a group's message says: its news first, then what its channel knows already."""

import hashlib
from collections.abc import Iterator, Sequence

from services.monitoring_api.notify.decision import FIRING, RESOLVED, Decision, NotifyReason
from services.monitoring_api.notify.grouping import Group, StoredMember
from services.monitoring_api.notify.notification import AlertPart, Notification

MAXIMUM_ALERTS = 200


def compose_messages(
    group: Group, members: Sequence[StoredMember], decision: Decision, url: str, now: float
) -> tuple[Notification, ...]:
    """The message of a group; where there is more news than one holds, several, so that each firing and end is in one.

    Args:
        group: The group as it was before.
        members: Its members as they are now.
        decision: Why a message is due, and what is news.
        url: Where to look.
        now: The present time, epoch seconds.
    """
    news = [one.part for one in members if one.member.incident in decision.news]
    known = [one.part for one in members if one.member.status is FIRING and one.member.told is FIRING]
    chunks = list(_chunks(news)) or [[]]
    messages = []
    for number, chunk in enumerate(chunks, start=1):
        last = number == len(chunks)
        shown = known[: MAXIMUM_ALERTS - len(chunk)]
        goes_on = not last or bool(known) or any(part.status is FIRING for part in news)
        messages.append(
            Notification(
                idempotency_key=_key(group, group.messages + number),
                channel=group.channel,
                status=FIRING if goes_on else RESOLVED,
                reason=str(_reason(decision.reason, first=number == 1, last=last)),
                group_key=group.key,
                incident=group.incident,
                group_labels=dict(group.labels),
                alerts=tuple(_ordered([*chunk, *shown])),
                created_at=now,
                url=url,
                omitted=len(known) - len(shown),
            )
        )
    return tuple(messages)


def _chunks(parts: Sequence[AlertPart]) -> Iterator[Sequence[AlertPart]]:
    # Ends first: an alert that ended and fires again must not have its end told after its new firing.
    ordered = sorted(parts, key=lambda part: (part.status is FIRING, part.ended_at or part.fired_at))
    return (ordered[start : start + MAXIMUM_ALERTS] for start in range(0, len(ordered), MAXIMUM_ALERTS))


def _ordered(parts: Sequence[AlertPart]) -> list[AlertPart]:
    """What fires first; but the end of an alert that fires again before its new firing."""
    again = {part.fingerprint for part in parts if part.status is FIRING}
    before = [part for part in parts if part.status is RESOLVED and part.fingerprint in again]
    firing = [part for part in parts if part.status is FIRING]
    ended = [part for part in parts if part.status is RESOLVED and part.fingerprint not in again]
    return [*before, *firing, *ended]


def _reason(reason: NotifyReason, *, first: bool, last: bool) -> NotifyReason:
    if reason is NotifyReason.RESOLVED:
        return reason if last else NotifyReason.CHANGED
    return reason if first else NotifyReason.CHANGED


def _key(group: Group, number: int) -> str:
    """The same for the same message, whoever writes it and however often."""
    named = "|".join((group.channel, group.key, group.incident, str(number)))
    return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:32]
