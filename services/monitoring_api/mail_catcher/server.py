"""An SMTP server, on loopback unless it is told otherwise, that keeps every mail and sends none on."""

import asyncio
import errno
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP

from services.monitoring_api.mail_catcher.mailbox import Mailbox

HOST = "127.0.0.1"
DEFAULT_PORT = 1025
MOST_BYTES = 10_000_000
_MOST_CONNECTIONS = 20
_IDLE_SECONDS = 60.0
_TAKEN = {errno.EADDRINUSE, errno.EACCES}
_logger = logging.getLogger(__name__)


class _Session(SMTP):
    """A conversation that a web page can't have: what begins like HTTP is over at once."""

    def __init__(self, sessions: "set[_Session]", handler: "_Keeper", **options: Any) -> None:
        super().__init__(handler, **options)
        self._sessions = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._sessions.add(self)
        if len(self._sessions) > _MOST_CONNECTIONS:
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self)
        super().connection_lost(error)

    def leave(self) -> None:
        """Break the conversation off."""
        if self.transport is not None:
            self.transport.close()

    async def smtp_POST(self, _argument: str) -> None:  # noqa: N802 - aiosmtpd calls it by the command
        await self.push("421 this is no web server")
        self.leave()

    smtp_GET = smtp_PUT = smtp_HEAD = smtp_OPTIONS = smtp_PATCH = smtp_DELETE = smtp_CONNECT = smtp_POST  # noqa: N815


class _Keeper:
    def __init__(self, mailbox: Mailbox, clock: Callable[[], float]) -> None:
        self._mailbox = mailbox
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        try:
            async with self._one_at_a_time:
                name = await asyncio.to_thread(self._mailbox.keep, envelope.content, self._clock())
        except OSError as error:
            _logger.error("A mail can't be kept: %s", error)  # noqa: TRY400 - the sender tries again
            return f"452 it can't be kept: {error.strerror}"
        return f"250 2.0.0 kept as {name}.eml"


@asynccontextmanager
async def catching(
    mailbox: Mailbox, port: int | None = None, clock: Callable[[], float] = time.time, *, host: str = HOST
) -> AsyncIterator[int]:
    """Take mails as long as the context lasts, and give the port.

    Args:
        mailbox: Where they are kept; it also says the port to whoever wants to send.
        port: Where to listen; None is 1025, or any free one where that is taken.
        clock: The time, epoch seconds.
        host: The address to listen at.

    Raises:
        OSError: The port that was asked for is taken.
    """
    loop = asyncio.get_running_loop()
    sessions: set[_Session] = set()
    keeper = _Keeper(mailbox, clock)

    def session() -> _Session:
        return _Session(
            sessions,
            keeper,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Sightglass keeps every mail",
            timeout=_IDLE_SECONDS,
            loop=loop,
        )

    try:
        server = await loop.create_server(session, host, DEFAULT_PORT if port is None else port)
    except OSError as error:
        if port is not None or error.errno not in _TAKEN:
            raise
        server = await loop.create_server(session, host, 0)
    async with server:
        number = int(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(mailbox.open, number)
        _logger.info("Mails to %s:%d are kept in %s", host, number, mailbox.folder)
        try:
            yield number
        finally:
            for one in list(sessions):
                one.leave()
