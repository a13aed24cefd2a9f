"""Every message there was, with what became of it, and sending again what was given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.notify.notification import Notification
from services.monitoring_api.notify.tables import notification_alerts, notifications

MAXIMUM_PAGE = 1_000


class MessageState(StrEnum):
    """Where a message stands: `folded` waits within a digest, `dead` was given up."""

    WAITING = "waiting"
    FOLDED = "folded"
    DELIVERED = "delivered"
    DEAD = "dead"


class UnknownMessageError(LookupError):
    """There is no message of this number."""


class NotResendableError(ValueError):
    """A message that is not sent again, and why."""


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the outbox. Times are epoch seconds.

    Attributes:
        id: Its number; later ones are larger.
        state: What became of it.
        notification: What it says.
        attempts: How many attempts were made.
        next_attempt_at: When the next is due; None when none is.
        delivered_at: When its receiver confirmed it.
        abandoned_at: When it was given up.
        resent_at: When somebody asked for it to be sent after all.
        folded_into: The digest that says it instead.
        detail: What the receiver said last, or why the last attempt failed.
    """

    id: int
    state: MessageState
    notification: Notification
    attempts: int
    next_attempt_at: float | None
    delivered_at: float | None
    abandoned_at: float | None
    resent_at: float | None
    folded_into: int | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages; None asks for any.

    Attributes:
        channel: Of this channel.
        state: In this state.
        status: That say firing or resolved.
        fingerprint: About this alert.
        incident: Of this conversation.
        since: Created at or after, epoch seconds.
        until: Created before.
    """

    channel: str | None = None
    state: MessageState | None = None
    status: str | None = None
    fingerprint: str | None = None
    incident: str | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages, the newest first, and where the next page begins; None on the last."""

    messages: tuple[Message, ...]
    cursor: int | None


def list_messages(
    connection: Connection, wanted: MessageFilter | None = None, *, limit: int = 100, cursor: int | None = None
) -> MessagePage:
    """Messages, the newest first.

    Args:
        connection: An open connection.
        wanted: Which.
        limit: How many at most, up to 1,000.
        cursor: What the page before gave as the next one's beginning.
    """
    limit = max(1, min(limit, MAXIMUM_PAGE))
    query = sa.select(notifications).where(*_conditions(wanted or MessageFilter()))
    if cursor is not None:
        query = query.where(notifications.c.id < cursor)
    rows = connection.execute(query.order_by(notifications.c.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    return MessagePage(tuple(_message(row) for row in shown), shown[-1].id if len(rows) > limit else None)


def read_message(connection: Connection, message_id: int) -> Message:
    """One message.

    Raises:
        UnknownMessageError: When there is none.
    """
    row = connection.execute(sa.select(notifications).where(notifications.c.id == message_id)).one_or_none()
    if row is None:
        raise UnknownMessageError(f"there is no notification {message_id}")
    return _message(row)


def resend(connection: Connection, message_id: int, *, now: float) -> tuple[int, ...]:
    """Let a message that was given up be sent after all, with all later ones of its conversation that were given up.

    Args:
        connection: A transaction that the caller commits.
        message_id: Its number.
        now: The present time, epoch seconds: from now on it is tried for as long as a new one.

    Returns:
        The numbers of what waits again, in their order.

    Raises:
        UnknownMessageError: When there is none.
        NotResendableError: When it was not given up, or a later message of its conversation has arrived: sent now it
            would say that something fires which has ended.
    """
    message = read_message(connection, message_id)
    if message.state is not MessageState.DEAD:
        raise NotResendableError(f"the notification {message_id} was not given up: it is {message.state}")
    if message.folded_into is not None:
        raise NotResendableError(
            f"the notification {message_id} is told by the digest {message.folded_into}: send that one again"
        )
    later = _later(connection, message)
    if arrived := [row.id for row in later if row.delivered_at is not None]:
        raise NotResendableError(
            f"the notification {arrived[-1]} of the same incident has arrived since: sent now, {message_id} would "
            "contradict it"
        )
    again = [message_id, *(row.id for row in later if row.abandoned_at is not None)]
    connection.execute(
        sa.update(notifications)
        .where(sa.or_(notifications.c.id.in_(again), notifications.c.folded_into.in_(again)))
        .values(abandoned_at=None, resent_at=now, next_attempt_at=now)
    )
    return tuple(again)


def dead_letters(connection: Connection, channel: str | None = None) -> Sequence[int]:
    """The numbers of all messages that were given up, the oldest first; digests stand for what they hold."""
    query = sa.select(notifications.c.id).where(
        notifications.c.abandoned_at.is_not(None), notifications.c.folded_into.is_(None)
    )
    if channel is not None:
        query = query.where(notifications.c.channel == channel)
    return list(connection.execute(query.order_by(notifications.c.id)).scalars())


def _later(connection: Connection, message: Message) -> Sequence[Any]:
    table = notifications.c
    query = sa.select(table.id, table.delivered_at, table.abandoned_at).where(
        table.channel == message.notification.channel,
        table.incident == message.notification.incident,
        table.folded_into.is_(None),
        table.id > message.id,
    )
    return connection.execute(query.order_by(table.id)).all()


def _conditions(wanted: MessageFilter) -> list[sa.ColumnElement[bool]]:
    table = notifications.c
    about = sa.select(notification_alerts.c.notification_id).where(
        notification_alerts.c.fingerprint == wanted.fingerprint
    )
    found: list[sa.ColumnElement[bool]] = []
    if wanted.channel is not None:
        found.append(table.channel == wanted.channel)
    if wanted.status is not None:
        found.append(table.status == wanted.status)
    if wanted.fingerprint is not None:
        found.append(table.id.in_(about))
    if wanted.incident is not None:
        found.append(table.incident == wanted.incident)
    if wanted.since is not None:
        found.append(table.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(table.created_at < wanted.until)
    return found if wanted.state is None else [*found, _in_state(wanted.state)]


def _in_state(state: MessageState) -> sa.ColumnElement[bool]:
    table = notifications.c
    if state is MessageState.DELIVERED:
        return table.delivered_at.is_not(None)
    if state is MessageState.DEAD:
        return table.abandoned_at.is_not(None)
    folded = table.folded_into.is_not(None)
    unfinished = sa.and_(table.delivered_at.is_(None), table.abandoned_at.is_(None))
    return sa.and_(unfinished, folded if state is MessageState.FOLDED else ~folded)


def _state(row: Any) -> MessageState:
    if row.delivered_at is not None:
        return MessageState.DELIVERED
    if row.abandoned_at is not None:
        return MessageState.DEAD
    return MessageState.WAITING if row.folded_into is None else MessageState.FOLDED


def _message(row: Any) -> Message:
    state = _state(row)
    return Message(
        id=row.id,
        state=state,
        notification=Notification.from_json(row.body),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at if state is MessageState.WAITING else None,
        delivered_at=row.delivered_at,
        abandoned_at=row.abandoned_at,
        resent_at=row.resent_at,
        folded_into=row.folded_into,
        detail=row.detail,
    )
