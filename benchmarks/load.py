"""The client: requests serialised beforehand over kept connections, with as little work for each as it takes.

Closed loop: each connection sends its next request when it has its answer; that finds what the service can do. Open
loop: requests leave by a timetable that no answer changes, and each is timed from the moment it was due, so that a
stall counts for all that waited behind it (no coordinated omission).
"""

import asyncio
import itertools
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

_HEADERS_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_OK = b"HTTP/1.1 200 "
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and the requests.

    Args:
        port: On 127.0.0.1.
        requests: Whole HTTP requests, sent in turn.
    """

    port: int
    requests: Sequence[bytes]

    @classmethod
    def of(cls, port: int, bodies: Sequence[bytes]) -> "Target":
        """Serialise `POST /predict` for each JSON body."""
        head = (
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"
            "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
        return cls(port, [head.format(port=port, length=len(body)).encode() + body for body in bodies])


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, answered: Callable[["_Connection"], None], failed: Callable[[str], None]) -> None:
        self._answered = answered
        self._failed = failed
        self._received = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, request: bytes) -> None:
        self._transport.write(request)  # type: ignore[attr-defined]  # it is a stream's

    def close(self) -> None:
        self._failed = lambda _: None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_HEADERS_END)
        if end < 0:
            return
        if not self._received.startswith(_OK):
            self._failed(self._received.decode(errors="replace"))
            return
        place = self._received.lower().find(_LENGTH, 0, end) + len(_LENGTH)
        length = int(self._received[place : self._received.find(b"\r", place)])
        if len(self._received) >= end + len(_HEADERS_END) + length:
            self._received = b""
            self._answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._failed(f"the connection was closed: {exc}")


class _Load:
    """Connections, and the end of the load: all answered, or the first failure."""

    def __init__(self, target: Target, total: int) -> None:
        self.total = total
        self.answered = 0
        self._target = target
        self._requests = itertools.cycle(target.requests)
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self, number: int, answered: Callable[[_Connection], None]) -> list[_Connection]:
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Connection(answered, self._fail), "127.0.0.1", self._target.port)
            for _ in range(number)
        ]
        return [connection for _, connection in made]

    def next_request(self) -> bytes:
        return next(self._requests)

    def count(self) -> None:
        self.answered += 1
        if self.answered == self.total and not self._done.done():
            self._done.set_result(None)

    async def wait(self, seconds: float) -> None:
        await asyncio.wait_for(self._done, seconds)

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(f"a request failed, so the round does not count: {why}"))


def closed_loop(target: Target, *, requests: int, connections: int) -> float:
    """Send `requests` requests as fast as they are answered; return the seconds it took."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_closed_loop(target, requests, connections))


async def _closed_loop(target: Target, requests: int, connections: int) -> float:
    load = _Load(target, requests)
    unsent = iter(range(requests))

    def send_next(connection: _Connection) -> None:
        if next(unsent, None) is not None:
            connection.send(load.next_request())

    def answered(connection: _Connection) -> None:
        load.count()
        send_next(connection)

    made = await load.connect(connections, answered)
    begun = time.perf_counter()
    for connection in made:
        send_next(connection)
    await load.wait(_PATIENCE_SECONDS + requests / 10)
    seconds = time.perf_counter() - begun
    for connection in made:
        connection.close()
    return seconds


@dataclass(slots=True)
class Timed:
    """An open loop's seconds, each since a request was due: until it was sent, and until it was answered."""

    sends: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)


def open_loop(target: Target, *, rate: float, seconds: float, connections: int = 64) -> Timed:
    """Send `rate` requests a second, evenly spaced, for `seconds`."""

    def new_loop() -> asyncio.AbstractEventLoop:
        # `select` alone takes timeouts finer than a millisecond, which is the distance between two requests.
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_open_loop(target, rate, seconds, connections))


async def _open_loop(target: Target, rate: float, seconds: float, connections: int) -> Timed:
    loop = asyncio.get_running_loop()
    load = _Load(target, max(1, int(rate * seconds)))
    timed = Timed()
    waiting: deque[float] = deque()

    def send(connection: _Connection, due: float) -> None:
        connection.due = due
        connection.send(load.next_request())

    def answered(connection: _Connection) -> None:
        timed.answers.append(loop.time() - connection.due)
        load.count()
        if waiting:
            send(connection, waiting.popleft())
        else:
            idle.append(connection)

    made = await load.connect(connections, answered)
    idle = deque(made)
    start = loop.time() + 0.05
    sent = 0

    def fire() -> None:
        nonlocal sent
        while sent < load.total and (due := start + sent / rate) <= loop.time():
            sent += 1
            timed.sends.append(loop.time() - due)
            if idle:
                send(idle.popleft(), due)
            else:
                waiting.append(due)
        if sent < load.total:
            loop.call_at(start + sent / rate, fire)

    loop.call_at(start, fire)
    await load.wait(_PATIENCE_SECONDS + seconds)
    for connection in made:
        connection.close()
    return timed
