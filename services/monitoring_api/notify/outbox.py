"""The outbox: one durable row per message and channel, written with the decision that caused it.

Every function takes an open connection. SQLAlchemy Core, the same on SQLite and PostgreSQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.notify.notification import Notification
from services.monitoring_api.notify.plain_text import one_line
from services.monitoring_api.notify.tables import metadata, notification_alerts, notifications

__all__ = ["metadata", "notifications"]

MAXIMUM_DETAIL_CHARACTERS = 1_000

WAITING = sa.and_(notifications.c.delivered_at.is_(None), notifications.c.abandoned_at.is_(None))
_TO_SEND = sa.and_(WAITING, notifications.c.folded_into.is_(None))


@dataclass(frozen=True, slots=True)
class WaitingNotification:
    """A row that has not reached its receiver yet.

    Attributes:
        id: Its number.
        notification: The message.
        attempts: How many have failed.
        next_attempt_at: When the next is due.
        since: From when its age counts: when it was written, or when somebody asked for it again.
    """

    id: int
    notification: Notification
    attempts: int
    next_attempt_at: float
    since: float


def enqueue(connection: Connection, notification: Notification) -> int | None:
    """Put a message into the outbox and return its number; None when it is there already, by its key."""
    table = notifications
    there = sa.select(table.c.id).where(
        table.c.channel == notification.channel, table.c.idempotency_key == notification.idempotency_key
    )
    if connection.execute(there).first() is not None:
        return None
    made = connection.execute(
        sa.insert(table).values(
            channel=notification.channel,
            group_key=notification.group_key,
            incident=notification.incident,
            status=str(notification.status),
            reason=notification.reason,
            idempotency_key=notification.idempotency_key,
            body=notification.to_json(),
            created_at=notification.created_at,
            next_attempt_at=notification.created_at,
            attempts=0,
        )
    )
    (row_id,) = made.inserted_primary_key or (0,)
    about = sorted({alert.fingerprint for alert in notification.alerts})
    if about:
        rows = [{"notification_id": row_id, "fingerprint": fingerprint} for fingerprint in about]
        connection.execute(sa.insert(notification_alerts), rows)
    return int(row_id)


def next_waiting(connection: Connection, channel: str) -> WaitingNotification | None:
    """The message to send next: the one due first that has no earlier message of its group before it."""
    earlier = notifications.alias("earlier")
    blocked = (
        sa.select(earlier.c.id)
        .where(
            earlier.c.channel == notifications.c.channel,
            earlier.c.group_key == notifications.c.group_key,
            earlier.c.id < notifications.c.id,
            earlier.c.delivered_at.is_(None),
            earlier.c.abandoned_at.is_(None),
        )
        .exists()
    )
    query = (
        sa.select(notifications)
        .where(notifications.c.channel == channel, _TO_SEND, ~blocked)
        .order_by(notifications.c.next_attempt_at, notifications.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    since = row.created_at if row.resent_at is None else row.resent_at
    return WaitingNotification(row.id, Notification.from_json(row.body), row.attempts, row.next_attempt_at, since)


def mark_begun(connection: Connection, row_id: int, *, at: float) -> None:
    """Record that an attempt begins: from now on its receiver may have the message."""
    connection.execute(sa.update(notifications).where(notifications.c.id == row_id).values(begun_at=at))


def mark_delivered(connection: Connection, row_id: int, *, at: float, receipt: str) -> None:
    """Record a success; called only after the receiver has said so. What a digest stands for is delivered with it."""
    detail = one_line(receipt, MAXIMUM_DETAIL_CHARACTERS)
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.id == row_id)
        .values(delivered_at=at, attempts=notifications.c.attempts + 1, detail=detail)
    )
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.folded_into == row_id)
        .values(delivered_at=at, detail=f"told in the digest {row_id}")
    )


def mark_failed(connection: Connection, row_id: int, *, next_attempt_at: float, error: str) -> None:
    """Record a failed attempt and when the next one is due."""
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.id == row_id)
        .values(
            attempts=notifications.c.attempts + 1,
            next_attempt_at=next_attempt_at,
            detail=one_line(error, MAXIMUM_DETAIL_CHARACTERS),
        )
    )


def mark_abandoned(connection: Connection, row_id: int, *, at: float, error: str) -> None:
    """Give a message up, and with a digest what it stands for; it stays visible with its reason."""
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.id == row_id)
        .values(
            attempts=notifications.c.attempts + 1, abandoned_at=at, detail=one_line(error, MAXIMUM_DETAIL_CHARACTERS)
        )
    )
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.folded_into == row_id)
        .values(abandoned_at=at, detail=f"given up with the digest {row_id}")
    )


def waiting_by_channel(connection: Connection) -> Mapping[str, int]:
    """How many messages wait, by channel."""
    query = (
        sa.select(notifications.c.channel, sa.func.count().label("waiting"))
        .where(WAITING)
        .group_by(notifications.c.channel)
    )
    return {row.channel: row.waiting for row in connection.execute(query)}


def forget_notifications(connection: Connection, *, before: float) -> None:
    """Drop finished messages created before an epoch second; what a channel knows is kept with its groups."""
    connection.execute(sa.delete(notifications).where(notifications.c.created_at < before, ~WAITING))
    gone = notification_alerts.c.notification_id.not_in(sa.select(notifications.c.id))
    connection.execute(sa.delete(notification_alerts).where(gone))
