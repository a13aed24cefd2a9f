"""The outbox as people see it: every message with what became of it, and sending again what was given up."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy.engine import Connection

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.history import (
    Message,
    MessageFilter,
    MessageState,
    NotResendableError,
    UnknownMessageError,
    list_messages,
    resend,
)
from services.monitoring_api.notify.tables import notification_alerts, notifications
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.routes import notifications as told
from services.web.problems import Conflict, NotFound

_TABLES: Final = (notifications, notification_alerts)
# What was given up is called `dead` by the outbox and `abandoned` by the API.
_NAMES: Final = {
    MessageState.WAITING: "waiting",
    MessageState.FOLDED: "folded",
    MessageState.DELIVERED: "delivered",
    MessageState.DEAD: "abandoned",
}
_STATES: Final = {name: state for state, name in _NAMES.items()}


class StoredNotifications:
    """Lists messages and sends them again.

    Args:
        store: The worker's store.
        clock: The time, epoch seconds.
    """

    def __init__(self, store: AlertStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def notifications(self, wanted: told.NotificationParameters) -> told.Notifications:
        """Messages, the newest first.

        Raises:
            Unavailable: When the store can't be read.
        """
        chosen = MessageFilter(
            channel=wanted.channel,
            state=None if wanted.state is None else _STATES[wanted.state],
            fingerprint=wanted.fingerprint,
        )

        def work(connection: Connection) -> told.Notifications:
            page = list_messages(connection, chosen, limit=wanted.limit, cursor=wanted.cursor)
            return told.Notifications(
                notifications=[_document(message) for message in page.messages], next_cursor=page.cursor
            )

        nothing = told.Notifications(notifications=[], next_cursor=None)
        return await self._store.read(work, tables=_TABLES, empty=nothing)

    async def resend(self, notification_id: int) -> told.Resent:
        """Let a message that was given up be sent after all; the worker takes it within seconds.

        Raises:
            NotFound: There is none.
            Conflict: It was not given up, or would contradict what has arrived since.
            Unavailable: When the store can't be written.
        """
        now = self._clock()

        def work(connection: Connection) -> told.Resent:
            return told.Resent(resent=list(resend(connection, notification_id, now=now)))

        try:
            return await self._store.write(work, tables=_TABLES)
        except UnknownMessageError:
            raise NotFound(
                f"There is no notification {notification_id}; GET /api/v1/notifications lists them."
            ) from None
        except NotResendableError as error:
            text = str(error)
            raise Conflict(f"{text[0].upper()}{text[1:]}.") from None


def _document(message: Message) -> told.NotificationDocument:
    notification = message.notification
    return told.NotificationDocument.model_validate(
        {
            "id": message.id,
            "channel": notification.channel,
            "status": str(notification.status),
            "reason": notification.reason,
            "headline": notification.headline,
            "incident": notification.incident,
            "group_labels": dict(notification.group_labels),
            "alerts": [
                {
                    "fingerprint": alert.fingerprint,
                    "alertname": alert.alertname,
                    "status": str(alert.status),
                    "labels": dict(alert.labels),
                }
                for alert in notification.alerts
            ],
            "state": _NAMES[message.state],
            "attempts": message.attempts,
            "created_at": rfc3339(notification.created_at),
            "next_attempt_at": rfc3339(message.next_attempt_at),
            "delivered_at": rfc3339(message.delivered_at),
            "abandoned_at": rfc3339(message.abandoned_at),
            "resent_at": rfc3339(message.resent_at),
            "folded_into": message.folded_into,
            "detail": message.detail,
            "idempotency_key": notification.idempotency_key,
        }
    )
