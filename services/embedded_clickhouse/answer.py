"""Sends the engine's answer: whole where it is small, block by block where it is not.

An answer that fails half way is never ended as if it were complete.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, MutableMapping
from dataclasses import dataclass

from starlette.types import Send

from services.embedded_clickhouse.answer_encoding import Encoder
from services.embedded_clickhouse.engine import Piece
from services.embedded_clickhouse.errors import ClickHouseError

_TAG_BYTES = 8
_LAST_WORDS_SECONDS = 0.25


class BrokenAnswerError(Exception):
    """An answer that had begun cannot be ended well: the connection is cut, so that no client takes it for complete."""

    def __init__(self, error: ClickHouseError) -> None:
        super().__init__(error.text)
        self.code = error.code


@dataclass
class Totals:
    """What an answer's summary says."""

    rows: int = 0
    bytes: int = 0
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0

    def add(self, piece: Piece) -> None:
        """Count a piece of the answer."""
        self.rows += piece.rows
        self.bytes += len(piece.data)
        self.read_rows += piece.read_rows
        self.read_bytes += piece.read_bytes

    def summary(self, elapsed_seconds: float) -> str:
        """The X-ClickHouse-Summary header."""
        return json.dumps(
            {
                "read_rows": str(self.read_rows),
                "read_bytes": str(self.read_bytes),
                "written_rows": str(self.written_rows),
                "written_bytes": str(self.written_bytes),
                "total_rows_to_read": "0",
                "result_rows": str(self.written_rows or self.rows),
                "result_bytes": str(self.written_bytes or self.bytes),
                "elapsed_ns": str(int(elapsed_seconds * 1e9)),
            },
            separators=(",", ":"),
        )


class Answer:
    """One answer on its way to the client.

    Args:
        send: where its messages go.
        encoder: its compression.
        headers: its headers, but for those that depend on the body.
        version: the engine's, for error texts.
    """

    def __init__(self, send: Send, *, encoder: Encoder, headers: MutableMapping[str, str], version: str) -> None:
        self._send = send
        self._encoder = encoder
        self._headers = headers
        self._version = version
        self._limit_seconds = 0.0
        self._elapsed: Clock | None = None
        self.started = False

    def encode_with(self, encoder: Encoder) -> None:
        """Compress the body, once it is known that there will be one."""
        self._encoder = encoder

    def end_within(self, seconds: float, elapsed: "Clock") -> None:
        """Give up a client that has not taken the whole answer `seconds` after the statement began.

        The engine looks at its own limit only when it is asked for the next block, so a client that stops reading would
        hold its handle for ever.
        """
        self._limit_seconds, self._elapsed = seconds, elapsed

    async def send_pieces(
        self, pieces: AsyncIterator[bytes], *, hold_bytes: int, totals: Totals, elapsed: "Clock"
    ) -> None:
        """Send the body, holding back its first `hold_bytes` so that a short answer is sent whole with true headers.

        Raises:
            ClickHouseError: where the answer fails before any of it was sent.
            BrokenAnswerError: where it fails later.
        """
        held: list[bytes] = []
        size = 0
        tag = secrets.token_hex(_TAG_BYTES)
        try:
            async for piece in pieces:
                if self.started:
                    await self._send_body(self._encoder.encode(piece), more=True)
                    continue
                held.append(piece)
                size += len(piece)
                if size > hold_bytes:
                    self._headers["X-ClickHouse-Exception-Tag"] = tag
                    self._headers["X-ClickHouse-Summary"] = totals.summary(elapsed())
                    await self._start(200)
                    for early in held:
                        await self._send_body(self._encoder.encode(early), more=True)
                    held.clear()
        except ClickHouseError as error:
            if not self.started:
                raise
            await self._break(error, tag)
        if self.started:
            await self._send_body(self._encoder.finish(), more=False)
            return
        body = b"".join(held)
        if body and self._encoder.name:
            body = self._encoder.encode(body) + self._encoder.finish()
        self._headers["X-ClickHouse-Summary"] = totals.summary(elapsed())
        self._headers["Content-Length"] = str(len(body))
        await self._start(200, compressed=bool(body))
        await self._send_body(body, more=False)

    async def send_error(self, error: ClickHouseError) -> None:
        """Send an error instead of an answer."""
        body = error.message(self._version).encode(errors="replace")
        self._headers["X-ClickHouse-Exception-Code"] = str(error.code)
        self._headers["Content-Type"] = "text/plain; charset=UTF-8"
        self._headers["Content-Length"] = str(len(body))
        self._headers.pop("X-ClickHouse-Format", None)
        if error.http_status == 503:  # noqa: PLR2004
            self._headers["Retry-After"] = "1"
        await self._start(error.http_status, compressed=False)
        await self._send_body(body, more=False)

    async def _break(self, error: ClickHouseError, tag: str) -> None:
        """End a begun answer as ClickHouse does since 25.11: a marked error in the body, and a body without an end."""
        text = error.message(self._version).strip()
        block = f"\r\n__exception__\r\n{tag}\r\n{text}\n{len(text.encode()) + 1} {tag}\r\n__exception__\r\n"
        await self._send_body(self._encoder.encode(block.encode(errors="replace")) + self._encoder.finish(), more=True)
        # aiohttp throws away what it has not yet handed on when the connection is cut: give it a moment to read why.
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        raise BrokenAnswerError(error)

    async def _start(self, status: int, *, compressed: bool = True) -> None:
        self.started = True
        if compressed and self._encoder.name:
            self._headers["Content-Encoding"] = self._encoder.name
        headers = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in self._headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_body(self, data: bytes, *, more: bool) -> None:
        if not data and more:
            return
        left = None if self._elapsed is None else max(self._limit_seconds - self._elapsed(), _LAST_WORDS_SECONDS)
        try:
            async with asyncio.timeout(left):
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError:
            text = f"Timeout exceeded: the client took longer than {self._limit_seconds:g} s to read the answer."
            raise BrokenAnswerError(ClickHouseError(159, "TIMEOUT_EXCEEDED", text)) from None


class Clock:
    """Seconds since a statement began.

    Args:
        now: a monotonic clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()

    def __call__(self) -> float:
        """Return the seconds."""
        return self._now() - self._began
