"""Groups as they are stored: what each channel was told of which firing, and when to decide about it again.

A group is one route's alerts of the same group labels, for one channel. Its members are firings: an alert that ends
and fires again is another member, so the end of what was told is never forgotten. Every function takes an open
connection.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from services.monitoring_api.notify.decision import CLOCK_TOLERANCE_SECONDS, Member, Timing
from services.monitoring_api.notify.notification import AlertPart, NotificationStatus
from services.monitoring_api.notify.tables import groups, members, notifications

# Databases limit how many values one statement may have.
_AT_ONCE = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Group:
    """A group as it is stored.

    Attributes:
        id: Its number.
        channel: Who is told.
        key: Its name.
        labels: What its alerts have in common.
        incident: The same for all its messages from the first firing to the last resolve.
        timing: Its route's patience.
        told_at: When its newest message went into the outbox; None when there was none.
        messages: How many went there.
        waiting: Whether one of them is still on its way.
    """

    id: int
    channel: str
    key: str
    labels: Mapping[str, str]
    incident: str
    timing: Timing
    told_at: float | None
    messages: int
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member as it is stored: what the decision reads, and the alert as it was when that last changed."""

    member: Member
    part: AlertPart
    muted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What one channel knows of one firing.

    Attributes:
        fingerprint: The alert.
        incident: The firing.
        channel: The channel.
        group_key: Its group there.
        told: What the channel was told last: firing or resolved; None when nothing yet.
        routed: Whether a route still leads there.
        muted_by: What held a message back when that was last decided, in words; None when nothing did.
        due_at: When the group is decided about next, epoch seconds; None when only a change matters.
    """

    fingerprint: str
    incident: str
    channel: str
    group_key: str
    told: str | None
    routed: bool
    muted_by: str | None
    due_at: float | None


def due_groups(connection: Connection, now: float, limit: int) -> list[Group]:
    """The groups to decide about now, the longest due first."""
    due = sa.or_(groups.c.due_at <= now, groups.c.set_at > now + CLOCK_TOLERANCE_SECONDS)
    waiting = (
        sa.select(notifications.c.id)
        .where(
            notifications.c.channel == groups.c.channel,
            notifications.c.group_key == groups.c.group_key,
            notifications.c.delivered_at.is_(None),
            notifications.c.abandoned_at.is_(None),
        )
        .exists()
    )
    query = (
        sa.select(groups, waiting.label("waiting"))
        .where(groups.c.due_at.is_not(None), due)
        .order_by(groups.c.due_at, groups.c.id)
        .limit(limit)
    )
    return [_group(row) for row in connection.execute(query).mappings()]


def members_of(connection: Connection, group_ids: Collection[int]) -> dict[int, list[StoredMember]]:
    """The members of groups, in the order in which they joined."""
    found: dict[int, list[StoredMember]] = {group_id: [] for group_id in group_ids}
    for some in in_parts(group_ids):
        query = sa.select(members).where(members.c.group_id.in_(some)).order_by(members.c.joined_at, members.c.incident)
        for row in connection.execute(query).mappings():
            found[row["group_id"]].append(_member(row))
    return found


def standings(connection: Connection, fingerprints: Collection[str]) -> list[Standing]:
    """What each channel knows of these alerts' firings, by channel."""
    found = []
    for some in in_parts(fingerprints):
        query = (
            sa.select(members, groups.c.channel, groups.c.group_key, groups.c.due_at)
            .join_from(members, groups, members.c.group_id == groups.c.id)
            .where(members.c.fingerprint.in_(some))
            .order_by(groups.c.channel, members.c.joined_at)
        )
        found += [
            Standing(
                row.fingerprint,
                row.incident,
                row.channel,
                row.group_key,
                row.told,
                row.routed,
                row.muted_by,
                row.due_at,
            )
            for row in connection.execute(query)
        ]
    return found


def keep_decision(
    connection: Connection,
    group: Group,
    *,
    before: Sequence[StoredMember],
    left: Sequence[StoredMember],
    look_again_at: float | None,
    now: float,
) -> None:
    """Keep what was decided about a group; one without members is gone.

    Args:
        connection: A transaction that the caller commits.
        group: The group, with its newest message counted in.
        before: Its members as they were stored.
        left: Those that stay, as they are now.
        look_again_at: When to decide anew; None when only a change matters.
        now: The present time, epoch seconds.
    """
    stays = {one.member.incident for one in left}
    gone = [one.member.incident for one in before if one.member.incident not in stays]
    for some in in_parts(gone):
        connection.execute(sa.delete(members).where(members.c.group_id == group.id, members.c.incident.in_(some)))
    if not left:
        connection.execute(sa.delete(groups).where(groups.c.id == group.id))
        return
    stored = {one.member.incident: one for one in before}
    changed = [
        {
            "changed_incident": one.member.incident,
            "told": None if one.member.told is None else str(one.member.told),
            "muted_by": one.muted_by,
        }
        for one in left
        if (one.member.told, one.muted_by)
        != (stored[one.member.incident].member.told, stored[one.member.incident].muted_by)
    ]
    if changed:
        this = sa.and_(members.c.group_id == group.id, members.c.incident == sa.bindparam("changed_incident"))
        values: dict[str, Any] = {"told": sa.bindparam("told"), "muted_by": sa.bindparam("muted_by")}
        connection.execute(sa.update(members).where(this).values(values), changed)
    connection.execute(
        sa.update(groups)
        .where(groups.c.id == group.id)
        .values(told_at=group.told_at, messages=group.messages, due_at=look_again_at, set_at=now)
    )


def in_parts(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists that a statement may have."""
    whole = list(values)
    return (whole[start : start + _AT_ONCE] for start in range(0, len(whole), _AT_ONCE))


def timing_of(row: RowMapping) -> Timing:
    """A group's patience."""
    return Timing(row["wait_seconds"], row["interval_seconds"], row["repeat_seconds"])


def _group(row: RowMapping) -> Group:
    return Group(
        id=row["id"],
        channel=row["channel"],
        key=row["group_key"],
        labels=json.loads(row["group_labels"]),
        incident=row["incident"],
        timing=timing_of(row),
        told_at=row["told_at"],
        messages=row["messages"],
        waiting=bool(row["waiting"]),
    )


def _member(row: RowMapping) -> StoredMember:
    member = Member(
        incident=row["incident"],
        status=NotificationStatus(row["status"]),
        joined_at=row["joined_at"],
        told=None if row["told"] is None else NotificationStatus(row["told"]),
        routed=row["routed"],
    )
    return StoredMember(member, AlertPart.from_json(row["part"]), row["muted_by"])
