"""Channel `demo-mail`: a real mail to a server of our own, so that one sees an alert's mail without an account.

The worker runs that server as long as its notifications file has such a channel; the mails lie in `mail/` of the data
folder.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from services.monitoring_api.mail_catcher.mailbox import Mailbox
from services.monitoring_api.mail_catcher.server import HOST, catching
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import ChannelConfig
from services.monitoring_api.notify.channels.email import MOST_PICTURES, EmailAddress, EmailChannel, EmailConfig
from services.monitoring_api.notify.notification import Notification

_logger = logging.getLogger(__name__)
_AGAIN_SECONDS = 5.0
_HOST_VARIABLE = "SIGHTGLASS_WORKER_MAIL_HOST"
# Of a container, whose network decides who reaches it; its own name is that of all workers, of which it is one.
_EVERY_ADDRESS = "0.0.0.0"
_LOOPBACK = {HOST, "localhost"}
_REMEDY = "start a worker (`sightglass up`), or set SIGHTGLASS_DATA_DIR to the folder of one that runs"


class DemoMailConfig(ChannelConfig):
    """Its entry in the notifications file."""

    most_pictures: ClassVar[int] = MOST_PICTURES

    type: Literal["demo-mail"] = Field(description="Mails that the worker keeps as files in the data folder.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Where the worker takes them: 1025, or another if taken."
    )
    sender: EmailAddress = Field(
        alias="from", default="sightglass@example.org", description="The address they come from."
    )
    to: tuple[EmailAddress, ...] = Field(
        default=("you@example.org",), min_length=1, max_length=50, description="The addresses they go to."
    )

    def build(self, surroundings: Surroundings) -> "DemoMailChannel":
        """The channel."""
        return DemoMailChannel(self, surroundings)

    @property
    def target(self) -> str:
        """Where it sends to."""
        return "files in mail/ of the data folder"

    async def run_beside(self, surroundings: Surroundings) -> None:
        """The server, until cancelled."""
        host = HOST if _host(surroundings) in _LOOPBACK else _EVERY_ADDRESS
        while True:
            try:
                async with catching(_mailbox(surroundings), self.port, surroundings.clock, host=host):
                    await asyncio.Event().wait()
            except OSError as error:
                _logger.error("Mails can't be taken on %s:%s: %s", host, self.port, error)  # noqa: TRY400 - it repeats
                await asyncio.sleep(_AGAIN_SECONDS)


@dataclass(frozen=True)
class DemoMailChannel:
    """Sends mail to the server of the data folder."""

    config: DemoMailConfig
    surroundings: Surroundings

    @property
    def name(self) -> str:
        """Its name."""
        return self.config.name

    async def send(self, notification: Notification) -> str:
        """Send one mail; confirmed when it lies in the folder."""
        return await _explained(self._email().send(notification))

    async def reach(self) -> str:
        """Connect to the server."""
        return await _explained(self._email().reach())

    def _email(self) -> EmailChannel:
        config = self.config
        port = _mailbox(self.surroundings).port()
        if port is None:
            raise DeliveryFailedError("no worker takes mails for this data folder", remedy=_REMEDY)
        entry = {"name": config.name, "type": "email", "host": _host(self.surroundings), "port": port, "tls": "none"}
        entry |= {"from": config.sender, "to": config.to}
        return EmailConfig.model_validate(entry).build(self.surroundings)


async def _explained(attempt: Awaitable[str]) -> str:
    """There is one server that it can be, so there is one remedy."""
    try:
        return await attempt
    except DeliveryFailedError as error:
        raise error.explained(_REMEDY) from None


def _host(surroundings: Surroundings) -> str:
    """By which name the worker's server is reached."""
    return surroundings.environment.get(_HOST_VARIABLE, "").strip() or HOST


def _mailbox(surroundings: Surroundings) -> Mailbox:
    return Mailbox(Path(surroundings.environment.get("SIGHTGLASS_DATA_DIR") or ".sightglass"))
