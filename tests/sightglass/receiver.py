"""A real OTLP/HTTP receiver that decodes and keeps what it is sent."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sightglass.kept import Kept, plain

__all__ = ["Receiver", "plain", "running_receiver"]


class Receiver(Kept, ThreadingHTTPServer):
    """Answers as it is told, and keeps what it took.

    Attributes:
        status: HTTP status of every answer; anything but 200 keeps nothing.
        pause_seconds: How long each answer takes.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        Kept.__init__(self)
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), _Handler)
        self.status = 200
        self.pause_seconds = 0.0

    @property
    def url(self) -> str:
        """Value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.server.pause_seconds:
            time.sleep(self.server.pause_seconds)
        self.server.authorizations.append((self.path, self.headers.get("Authorization")))
        reply = self.server.reply(self.path)
        status = int(reply.status) if self.server.status == 200 else self.server.status
        keep = status == 200 and reply.instead is None
        answer = self.server.take(self.path, body, keep=keep, rejected=reply.rejected)
        if reply.instead is not None:
            if reply.instead == "hang":
                self.server.let_go.wait(60)
            self.close_connection = True
            return
        self.send_response(status)
        if reply.retry_after is not None:
            self.send_header("Retry-After", str(reply.retry_after))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running_receiver(port: int = 0) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(port)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join(5)
