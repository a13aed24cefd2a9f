"""Taking the next message of a channel, within its rate limit: what is over folds into one digest, nothing is dropped.

The last place of a window is kept for the digest, so that what is over is told within that window and not after it.
A message that its receiver may have already is never folded: it would be told twice under two keys.
"""

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.engine import Connection

from services.monitoring_api.configuration.duration import Duration
from services.monitoring_api.notify.decision import FIRING, RESOLVED
from services.monitoring_api.notify.notification import AlertPart, Notification
from services.monitoring_api.notify.outbox import WAITING, enqueue
from services.monitoring_api.notify.plain_text import title
from services.monitoring_api.notify.tables import notifications

DIGEST = "digest"
MAXIMUM_FOLDED = 1_000


class RateLimit(BaseModel):
    """How many messages a channel may send in a stretch of time, wherever that begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: int = Field(ge=1, le=10_000, strict=True, description="So many messages,")
    per: Duration = Field(ge=1, le=86_400, description="in so long, like 1m.")


def pause_for(connection: Connection, channel: str, limit: RateLimit, now: float) -> float:
    """Seconds until the channel may send again; 0 when it may now."""
    sent = _sent_at(connection, channel, limit, now)
    return 0.0 if len(sent) < limit.messages else max(0.0, sent[-limit.messages] + limit.per - now)


def fold_what_is_over(connection: Connection, channel: str, limit: RateLimit, now: float) -> None:
    """Fold all that waits into one digest when only one message more may be sent.

    Args:
        connection: A transaction that the caller commits.
        channel: The channel's name.
        limit: Its limit.
        now: The present time, epoch seconds.
    """
    if len(_sent_at(connection, channel, limit, now)) != limit.messages - 1:
        return
    over = _foldable(connection, channel)
    if len(over) < 2:  # noqa: PLR2004 - one message needs no digest
        return
    query = sa.select(notifications.c.body).where(notifications.c.id.in_(over)).order_by(notifications.c.id)
    digest = compose_digest(channel, [Notification.from_json(row.body) for row in connection.execute(query)])
    row_id = enqueue(connection, digest)
    this = notifications.c.id.in_(over)
    connection.execute(
        sa.update(notifications).where(this).values(folded_into=row_id, detail=f"folded into the digest {row_id}")
    )
    # Its age counts from now, though it marks how late the oldest message in it is.
    connection.execute(
        sa.update(notifications).where(notifications.c.id == row_id).values(created_at=now, next_attempt_at=now)
    )


def compose_digest(channel: str, folded: Sequence[Notification]) -> Notification:
    """One message for many: their headlines in order, and every alert as the last of them says."""
    newest: dict[str, AlertPart] = {}
    for alert in (alert for one in folded for alert in one.alerts):
        newest.pop(alert.incident, None)
        newest[alert.incident] = alert
    named = "|".join((DIGEST, channel, *(one.idempotency_key for one in folded)))
    key = hashlib.sha256(named.encode()).hexdigest()[:32]
    return Notification(
        idempotency_key=key,
        channel=channel,
        status=FIRING if any(alert.status is FIRING for alert in newest.values()) else RESOLVED,
        reason=DIGEST,
        group_key=DIGEST,
        incident=f"{DIGEST}-{key}",
        group_labels={},
        alerts=tuple(newest.values()),
        created_at=min(one.created_at for one in folded),
        url=folded[-1].url,
        omitted=sum(one.omitted for one in folded),
        digest=tuple(title(one) for one in folded),
    )


def _sent_at(connection: Connection, channel: str, limit: RateLimit, now: float) -> list[float]:
    """When the messages of the present window were delivered, in order."""
    query = (
        sa.select(notifications.c.delivered_at)
        .where(
            notifications.c.channel == channel,
            notifications.c.folded_into.is_(None),
            notifications.c.delivered_at > now - limit.per,
            notifications.c.delivered_at <= now,
        )
        .order_by(notifications.c.delivered_at)
    )
    return list(connection.execute(query).scalars())


def _foldable(connection: Connection, channel: str) -> list[int]:
    query = (
        sa.select(
            notifications.c.id,
            notifications.c.group_key,
            notifications.c.reason,
            notifications.c.begun_at,
            notifications.c.folded_into,
        )
        .where(notifications.c.channel == channel, WAITING)
        .order_by(notifications.c.id)
    )
    over: list[int] = []
    waited_for = set()
    for row in connection.execute(query):
        if row.folded_into is not None or row.begun_at is not None or row.reason == DIGEST:
            # What comes after it in its group must not overtake it.
            waited_for.add(row.group_key)
        elif row.group_key not in waited_for and len(over) < MAXIMUM_FOLDED:
            over.append(row.id)
    return over
