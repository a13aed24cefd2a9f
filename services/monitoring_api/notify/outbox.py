"""The outbox: one durable row per message and channel, written with the state change that caused it.

Every function takes an open connection. SQLAlchemy Core, the same on SQLite and PostgreSQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.notify.decision import LastNotification
from services.monitoring_api.notify.notification import Notification, NotificationStatus
from services.monitoring_api.notify.plain_text import one_line

metadata = sa.MetaData()

MAXIMUM_DETAIL_CHARACTERS = 1_000

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("channel", sa.String(100), nullable=False),
    sa.Column("fingerprint", sa.String(16), nullable=False),
    sa.Column("incident", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("next_attempt_at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("delivered_at", sa.Double),
    sa.Column("abandoned_at", sa.Double),
    sa.Column("detail", sa.Text),
    sa.UniqueConstraint("channel", "idempotency_key"),
    sa.Index("notifications_by_alert", "fingerprint", "channel", "id"),
    sa.Index("notifications_waiting", "channel", "delivered_at", "abandoned_at", "next_attempt_at"),
    # An id is never used twice, also after the newest rows were deleted: order is by id.
    sqlite_autoincrement=True,
)

_WAITING = sa.and_(notifications.c.delivered_at.is_(None), notifications.c.abandoned_at.is_(None))


@dataclass(frozen=True, slots=True)
class WaitingNotification:
    """A row that has not reached its receiver yet."""

    id: int
    notification: Notification
    attempts: int
    next_attempt_at: float


def last_notifications(connection: Connection, fingerprints: Iterable[str]) -> dict[tuple[str, str], LastNotification]:
    """The newest message by (fingerprint, channel)."""
    wanted = list(fingerprints)
    table = notifications
    newest = (
        sa.select(sa.func.max(table.c.id))
        .where(table.c.fingerprint.in_(wanted))
        .group_by(table.c.fingerprint, table.c.channel)
    )
    query = sa.select(
        table.c.fingerprint,
        table.c.channel,
        table.c.incident,
        table.c.status,
        table.c.created_at,
        _WAITING.label("waiting"),
    ).where(table.c.id.in_(newest))
    return {
        (row.fingerprint, row.channel): LastNotification(
            row.incident, NotificationStatus(row.status), row.created_at, bool(row.waiting)
        )
        for row in connection.execute(query)
    }


def enqueue(connection: Connection, notification: Notification) -> bool:
    """Put a message into the outbox; False when it is there already, by its key."""
    table = notifications
    there = sa.select(table.c.id).where(
        table.c.channel == notification.channel, table.c.idempotency_key == notification.idempotency_key
    )
    if connection.execute(there).first() is not None:
        return False
    connection.execute(
        sa.insert(table).values(
            channel=notification.channel,
            # Until groups are more than one alert, the group is the alert.
            fingerprint=notification.group_key,
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
    return True


def next_waiting(connection: Connection, channel: str) -> WaitingNotification | None:
    """The message to send next: the one due first that has no earlier message of its alert before it."""
    earlier = notifications.alias("earlier")
    blocked = (
        sa.select(earlier.c.id)
        .where(
            earlier.c.channel == notifications.c.channel,
            earlier.c.fingerprint == notifications.c.fingerprint,
            earlier.c.id < notifications.c.id,
            earlier.c.delivered_at.is_(None),
            earlier.c.abandoned_at.is_(None),
        )
        .exists()
    )
    query = (
        sa.select(notifications.c.id, notifications.c.body, notifications.c.attempts, notifications.c.next_attempt_at)
        .where(notifications.c.channel == channel, _WAITING, ~blocked)
        .order_by(notifications.c.next_attempt_at, notifications.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return WaitingNotification(row.id, Notification.from_json(row.body), row.attempts, row.next_attempt_at)


def mark_delivered(connection: Connection, row_id: int, *, at: float, receipt: str) -> None:
    """Record a success; called only after the receiver has said so."""
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.id == row_id)
        .values(
            delivered_at=at, attempts=notifications.c.attempts + 1, detail=one_line(receipt, MAXIMUM_DETAIL_CHARACTERS)
        )
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
    """Give a message up; it stays visible with its reason."""
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.id == row_id)
        .values(
            attempts=notifications.c.attempts + 1, abandoned_at=at, detail=one_line(error, MAXIMUM_DETAIL_CHARACTERS)
        )
    )


def waiting_by_channel(connection: Connection) -> Mapping[str, int]:
    """How many messages wait, by channel."""
    query = (
        sa.select(notifications.c.channel, sa.func.count().label("waiting"))
        .where(_WAITING)
        .group_by(notifications.c.channel)
    )
    return {row.channel: row.waiting for row in connection.execute(query)}


def forget_notifications(connection: Connection, *, before: float) -> None:
    """Drop finished messages created before an epoch second, but never the newest of an alert and channel.

    The newest tells what the channel knows; without it a firing alert would be announced again.
    """
    newest = sa.select(sa.func.max(notifications.c.id)).group_by(notifications.c.fingerprint, notifications.c.channel)
    connection.execute(
        sa.delete(notifications).where(
            notifications.c.created_at < before, ~_WAITING, notifications.c.id.not_in(newest)
        )
    )
