"""A relay before ClickHouse that lets inserts through and keeps what ClickHouse says about them to itself."""

import contextlib
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote_to_bytes

_INSERT = re.compile(rb"INSERT\s+INTO\s+\S*?(otel_\w+)", re.IGNORECASE)
_HEAD_BYTES = 4096


class Withheld:
    """Which acknowledgements are withheld, and of which there were some.

    Args:
        tables: Of inserts into these.
    """

    def __init__(self, tables: Sequence[str]):
        self.tables = frozenset(tables)
        self.active = False
        self.seen: list[str] = []

    def wait_for_all(self, seconds: float = 60) -> None:
        """Wait until an insert into each table succeeded unheard."""
        deadline = time.monotonic() + seconds
        while not self.tables <= set(self.seen):
            assert time.monotonic() < deadline, f"only inserts into {self.seen} were seen to succeed"
            time.sleep(0.01)


@contextmanager
def withholding_relay(target_port: int, tables: Sequence[str]) -> Iterator[tuple[int, Withheld]]:
    """Pass on connections to a free port, whose number this yields, and withhold what it is told to."""
    withheld = Withheld(tables)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target_port)) as target:
                asked = bytearray()
                back = threading.Thread(target=_answers, args=(target, self.request, asked, withheld), daemon=True)
                back.start()
                _questions(self.request, target, asked)
                back.join(30)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], withheld
        finally:
            server.shutdown()
            thread.join(5)


def _questions(client: socket.socket, target: socket.socket, asked: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := client.recv(65_536):
            asked += data[: max(0, _HEAD_BYTES - len(asked))]
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _answers(target: socket.socket, client: socket.socket, asked: bytearray, withheld: Withheld) -> None:
    """A connection carries one question at a time: what was asked since the last answer is what is answered."""
    with contextlib.suppress(OSError):
        while data := target.recv(65_536):
            insert = _INSERT.search(unquote_to_bytes(bytes(asked).replace(b"+", b" ")))
            asked.clear()
            table = insert[1].decode() if insert else ""
            if withheld.active and table in withheld.tables and data.startswith(b"HTTP/1.1 200"):
                withheld.seen.append(table)
                return
            client.sendall(data)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)
