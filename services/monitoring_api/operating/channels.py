"""Channels as people see them: where each sends to, whether messages get through, and a test."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.monitoring_api.configuration.environment import given_variables
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.channel import DeliveryFailedError
from services.monitoring_api.notify.channel_config import ChannelConfig
from services.monitoring_api.notify.channel_test import UnknownChannelError, test_channel
from services.monitoring_api.notify.tables import notifications
from services.monitoring_api.operating.files import NotificationsPlace
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.routes import channels as told
from services.web.problems import NotFound

_OF: Final = notifications.c
_WAITING: Final = sa.and_(_OF.delivered_at.is_(None), _OF.abandoned_at.is_(None))


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What the outbox tells of a channel. Times are epoch seconds."""

    waiting: int = 0
    abandoned: int = 0
    last_delivered_at: float | None = None
    failing_since: float | None = None
    reason: str | None = None

    @property
    def state(self) -> str:
        if self.failing_since is not None:
            return "failing"
        if self.waiting:
            return "waiting"
        return "idle" if self.last_delivered_at is None else "delivering"


class StoredChannels:
    """Lists channels and tests them.

    Args:
        store: The worker's store.
        place: The notifications file.
    """

    def __init__(self, store: AlertStore, place: NotificationsPlace) -> None:
        self._store = store
        self._place = place

    async def channels(self) -> told.Channels:
        """The channels of the file, and those of which messages are left.

        Raises:
            Unavailable: When the store can't be read.
        """
        read = await self._place.read()
        empty: dict[str, _Delivery] = {}
        deliveries = await self._store.read(_deliveries, tables=(notifications,), empty=empty)
        configured = () if read.content is None else read.content.channels
        missing = await asyncio.to_thread(lambda: {one.name: _missing(one) for one in configured})
        shown = [_document(one.name, deliveries, one, missing[one.name]) for one in configured]
        gone = sorted(deliveries.keys() - missing.keys())
        return told.Channels(channels=[*shown, *(_document(name, deliveries) for name in gone)], error=read.error)

    async def test(self, name: str) -> told.ChannelVerdict:
        """Send a real message through a channel.

        Raises:
            NotFound: The file names no such channel.
        """
        try:
            verdict = await test_channel(self._place.path, name)
        except UnknownChannelError as error:
            raise NotFound(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        return told.ChannelVerdict(
            channel=verdict.channel,
            type=verdict.type,
            target=verdict.target,
            delivered=verdict.delivered,
            detail=verdict.detail,
            remedy=verdict.remedy,
            idempotency_key=verdict.idempotency_key,
        )


def _deliveries(connection: Connection) -> dict[str, _Delivery]:
    # Of what waits, what was tried in vain is what fails; the time is that of the oldest such message.
    failed = sa.and_(_WAITING, _OF.attempts > 0)
    since = sa.func.coalesce(_OF.resent_at, _OF.created_at)
    query = sa.select(
        _OF.channel,
        sa.func.count(sa.case((_WAITING, 1))).label("waiting"),
        sa.func.count(_OF.abandoned_at).label("abandoned"),
        sa.func.max(_OF.delivered_at).label("last_delivered_at"),
        sa.func.min(sa.case((failed, since))).label("failing_since"),
        sa.func.max(sa.case((failed, _OF.id))).label("failed_id"),
    ).group_by(_OF.channel)
    rows = connection.execute(query).all()
    reasons = sa.select(_OF.id, _OF.detail).where(_OF.id.in_([row.failed_id for row in rows if row.failed_id]))
    detail = {row.id: row.detail for row in connection.execute(reasons)}
    return {
        row.channel: _Delivery(
            row.waiting,
            row.abandoned,
            row.last_delivered_at,
            None if row.failing_since is None else max(row.failing_since, row.last_delivered_at or 0.0),
            detail.get(row.failed_id),
        )
        for row in rows
    }


def _document(
    name: str, deliveries: Mapping[str, _Delivery], config: ChannelConfig | None = None, missing: str | None = None
) -> told.Channel:
    delivery = deliveries.get(name, _Delivery())
    known: dict[str, Any] = {
        "type": "" if config is None else getattr(config, "type", ""),
        "target": "" if config is None else config.target,
        "send_resolved": None if config is None else config.send_resolved,
    }
    return told.Channel.model_validate(
        {
            **known,
            "name": name,
            "missing": missing,
            "state": delivery.state,
            "waiting": delivery.waiting,
            "abandoned": delivery.abandoned,
            "last_delivered_at": rfc3339(delivery.last_delivered_at),
            "failing_since": rfc3339(delivery.failing_since),
            "reason": delivery.reason,
        }
    )


def _missing(config: ChannelConfig) -> str | None:
    """What a channel lacks that it can't do without."""
    environment = given_variables()
    for source in config.secrets():
        try:
            source.read(environment)
        except DeliveryFailedError as error:
            return error.message
    return None
