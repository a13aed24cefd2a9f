"""Real receivers on free ports: an SMTP server (aiosmtpd) and an HTTP server that answer as they are told."""

import asyncio
import email
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class HttpReceiver:
    """Keeps what it is sent, as it was and as `read` makes of it; answers with `status`, `headers` and `body`."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    hold: threading.Event | None = None
    read: Callable[[bytes], Any] = json.loads
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __enter__(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 300:
                    receiver.bodies.append(body)
                    receiver.requests.append((self.path, dict(self.headers), receiver.read(body)))
                if receiver.hold is not None:
                    receiver.hold.wait(30)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                with suppress(OSError):  # whoever asked may have left
                    self.wfile.write(receiver.body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"


@dataclass
class SmtpReceiver:
    """Keeps the mails it is sent; answers RCPT and DATA with `rcpt` and `data`; `options` are aiosmtpd's."""

    rcpt: str = "250 OK"
    data: str = "250 2.0.0 queued as 42"
    port: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)

    def __enter__(self):
        receiver = self

        class Handler:
            async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
                if receiver.rcpt.startswith("2"):
                    envelope.rcpt_tos.append(address)
                return receiver.rcpt

            async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
                if receiver.data.startswith("2"):
                    receiver.mails.append(email.message_from_bytes(envelope.content, policy=default))
                return receiver.data

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._serve(Handler()), self._loop)
        self._server = started.result(30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, handler) -> asyncio.Server:
        def session() -> SMTP:
            return SMTP(handler, enable_SMTPUTF8=True, loop=self._loop, **self.options)

        return await self._loop.create_server(session, "127.0.0.1", self.port)

    async def _close(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
