"""A real message through one channel, and a clear verdict: what `channels test`, its route and its button do."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.monitoring_api.configuration.located_yaml import FileError, InvalidFileError, LocatedDocument, read_yaml
from services.monitoring_api.notify.channel import Channel, DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_registry import AnyChannel
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus
from services.monitoring_api.notify.notification_file import NotificationFile, load_notifications

_logger = logging.getLogger(__name__)
_LONGEST_SECONDS = 60.0
_MEND = "mend the file; `sightglass channels list` reads it without sending anything"


class UnknownChannelError(LookupError):
    """There is no such channel; its text names those that there are."""


@dataclass(frozen=True, slots=True)
class ChannelVerdict:
    """What came of a test.

    Attributes:
        channel: Its name.
        type: Its kind; empty when the file doesn't tell.
        target: Where it sends to, without any secret; empty when unknown.
        delivered: Whether the receiver confirmed.
        detail: What the receiver said, or why it was not asked.
        remedy: What to do about it; empty when delivered, or when nothing is known.
        idempotency_key: The message's, by which it is found at the receiver; empty when none was made.
    """

    channel: str
    type: str
    target: str
    delivered: bool
    detail: str
    remedy: str = ""
    idempotency_key: str = ""


async def test_channel(
    file: Path,
    name: str,
    surroundings: Surroundings | None = None,  # noqa: PT028 - no test of pytest's
) -> ChannelVerdict:
    """Send one message the way that alerts are sent; where an incident would stay open, send its end too.

    Args:
        file: The notifications file. What is wrong with it elsewhere than in this channel's entry stops no test.
        name: The channel.
        surroundings: The effects that channels are built with.

    Returns:
        The verdict, also when the channel's entry is wrong.

    Raises:
        UnknownChannelError: When the file names no such channel.
    """
    given = Surroundings() if surroundings is None else surroundings
    try:
        config = _config(file, name)
    except InvalidFileError as error:
        told = "; ".join(f"line {one.line}: {_where(one)}{one.message}" for one in error.errors)
        return ChannelVerdict(name, _kind(file, name), "", delivered=False, detail=told, remedy=_MEND)
    message = sample(name, given.clock())
    verdict = ChannelVerdict(name, config.type, config.target, delivered=False, detail="")
    verdict = replace(verdict, idempotency_key=message.idempotency_key)
    channel = config.build(given)
    try:
        detail = await _send(channel, message)
    except DeliveryFailedError as error:
        return replace(verdict, detail=error.message, remedy=error.remedy)
    if config.keeps_state:
        try:
            await _send(channel, ended(message, given.clock()))
        except DeliveryFailedError as error:
            detail += f"; the end of the test was not taken, close it there by hand: {error.message}"
    return replace(verdict, delivered=True, detail=detail)


async def _send(channel: Channel, message: Notification) -> str:
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            return await channel.send(message)
    except TimeoutError:
        raise DeliveryFailedError("the attempt took too long", remedy="check that the receiver runs") from None
    except DeliveryFailedError:
        raise
    except Exception as error:
        _logger.exception("The channel failed in an unexpected way", extra={"alert.channel": channel.name})
        raise DeliveryFailedError(
            f"unexpected {type(error).__name__}", remedy="this is a fault of Sightglass; its log has more"
        ) from None


def sample(channel: str, now: float) -> Notification:
    """A message like that of an alert, with a picture, which says that nothing is wrong."""
    key = uuid.uuid4().hex
    alert = AlertPart(
        fingerprint=key[:16],
        incident=f"{key[:16]}-test",
        alertname="SightglassTest",
        status=NotificationStatus.FIRING,
        labels={"alertname": "SightglassTest", "severity": "info"},
        annotations={"summary": f"A test of the channel {channel}: nothing is wrong"},
        value=0.8,
        cause="condition",
        error="",
        fired_at=now,
        metric="example",
        condition="> 0.5",
        series=tuple((now - 60.0 * (60 - i), 0.2 + 0.6 / (1 + 2.0 ** (50 - i))) for i in range(61)),
    )
    return Notification(
        idempotency_key=key,
        channel=channel,
        status=NotificationStatus.FIRING,
        reason="test",
        group_key=alert.fingerprint,
        incident=alert.incident,
        group_labels={"alertname": "SightglassTest"},
        alerts=(alert,),
        created_at=now,
    )


def ended(message: Notification, now: float) -> Notification:
    """The end of a test."""
    resolved = NotificationStatus.RESOLVED
    alerts = tuple(replace(alert, status=resolved, ended_at=now) for alert in message.alerts)
    return replace(message, idempotency_key=uuid.uuid4().hex, status=resolved, alerts=alerts)


def _config(file: Path, name: str) -> AnyChannel:
    """The channel's entry.

    Raises:
        InvalidFileError: When the entry is wrong, or the file can't be read at all.
        UnknownChannelError: When there is none.
    """
    document = read_yaml(file)
    entries = _entries(document)
    places = [place for place, entry in enumerate(entries) if entry.get("name") == name]
    if not places:
        known = ", ".join(str(entry["name"]) for entry in entries if entry.get("name")) or "none"
        raise UnknownChannelError(f"there is no channel {name!r}; there are: {known}")
    try:
        return next(one for one in load_notifications(file).channels if one.name == name)
    except InvalidFileError as error:
        mine = [one for one in error.errors if any(_is_at(one, place) for place in places)]
        if mine:
            raise InvalidFileError(mine) from None
    alone = LocatedDocument(document.path, {"channels": [entries[places[0]]]}, document.lines)
    return alone.validate(NotificationFile).channels[0]


def _entries(document: LocatedDocument) -> list[Mapping[str, Any]]:
    data = document.data.get("channels") if isinstance(document.data, dict) else None
    return [entry if isinstance(entry, dict) else {} for entry in data] if isinstance(data, list) else []


def _is_at(error: FileError, place: int) -> bool:
    entry = f"channels[{place}]"
    return error.field == entry or error.field.startswith((f"{entry}.", f"{entry}["))


def _where(error: FileError) -> str:
    _, _, key = error.field.partition(".")
    return f"{key}: " if key else ""


def _kind(file: Path, name: str) -> str:
    try:
        entries = _entries(read_yaml(file))
    except InvalidFileError:
        return ""
    return next((str(entry.get("type", "")) for entry in entries if entry.get("name") == name), "")
