"""Reads a request far enough to know its statement: all of it, or up to where the data of an INSERT begins."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.embedded_clickhouse.errors import ClickHouseError, bad_arguments
from services.embedded_clickhouse.lexer import Incomplete, InsertHead, first_word, insert_head

_ENOUGH_FOR_THE_FIRST_WORD = 4096


@dataclass(frozen=True)
class StatementText:
    """A request's statement.

    Attributes:
        sql: the statement without data.
        head: for an INSERT with data, its head.
        first_data: the data that came with the head.
        more_data: the data still to come.
    """

    sql: str
    head: InsertHead | None
    first_data: bytes
    more_data: AsyncIterator[bytes]


async def read_statement(query: str, body: AsyncIterator[bytes], *, max_query_bytes: int) -> StatementText:
    """Read the statement from the URL's `query` and the body, which ClickHouse takes one after the other.

    Raises:
        ClickHouseError: 62 where there is none, or where it is too long.
    """
    reading = _Reading(query.encode(errors="surrogateescape") + b"\n" if query else b"", body, max_query_bytes)
    if await reading.begins_with_insert():
        head = await reading.insert_head()
        if head is not None:
            return StatementText(head.statement, head, bytes(reading.buffer[head.data_start :]), body)
    await reading.read_all()
    try:
        sql = bytes(reading.buffer).decode().strip()
    except UnicodeDecodeError:
        raise bad_arguments("The statement must be valid UTF-8.") from None
    if not sql:
        raise ClickHouseError(62, "SYNTAX_ERROR", "Empty query.")
    return StatementText(sql, None, b"", body)


class _Reading:
    """A request's text as far as it was read."""

    def __init__(self, start: bytes, body: AsyncIterator[bytes], max_bytes: int) -> None:
        self.buffer = bytearray(start)
        self._body = body
        self._max_bytes = max_bytes
        self._complete = False

    async def begins_with_insert(self) -> bool:
        if first_word(bytes(self.buffer)) != "INSERT":
            while not self._complete and len(self.buffer) < _ENOUGH_FOR_THE_FIRST_WORD:
                await self._read_more()
        return first_word(bytes(self.buffer[:_ENOUGH_FOR_THE_FIRST_WORD])) == "INSERT"

    async def insert_head(self) -> InsertHead | None:
        while True:
            try:
                return insert_head(bytes(self.buffer[: self._max_bytes + 1]), complete=self._complete)
            except Incomplete:
                self._check_size()
                await self._read_more()

    async def read_all(self) -> None:
        while not self._complete:
            self._check_size()
            await self._read_more()
        self._check_size()

    async def _read_more(self) -> None:
        piece = await anext(self._body, None)
        if piece is None:
            self._complete = True
        else:
            self.buffer.extend(piece)

    def _check_size(self) -> None:
        if len(self.buffer) > self._max_bytes:
            raise _too_long(self._max_bytes)


def _too_long(limit: int) -> ClickHouseError:
    return ClickHouseError(
        62,
        "SYNTAX_ERROR",
        f"Max query size exceeded: the statement has more than {limit} bytes. "
        "SIGHTGLASS_CLICKHOUSE_MAX_QUERY_BYTES raises it.",
    )
