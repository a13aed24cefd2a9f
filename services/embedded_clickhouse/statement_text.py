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
    buffer = bytearray(query.encode(errors="surrogateescape") + b"\n" if query else b"")
    complete = False

    async def read_more() -> None:
        nonlocal complete
        piece = await anext(body, None)
        if piece is None:
            complete = True
        else:
            buffer.extend(piece)

    if not query or first_word(bytes(buffer)) != "INSERT":
        while not complete and len(buffer) < _ENOUGH_FOR_THE_FIRST_WORD:
            await read_more()
    if first_word(bytes(buffer[:_ENOUGH_FOR_THE_FIRST_WORD])) == "INSERT":
        while True:
            try:
                head = insert_head(bytes(buffer[: max_query_bytes + 1]), complete=complete)
            except Incomplete:
                if len(buffer) > max_query_bytes:
                    raise _too_long(max_query_bytes) from None
                await read_more()
                continue
            if head is not None:
                return StatementText(head.statement, head, bytes(buffer[head.data_start :]), body)
            break
    while not complete:
        if len(buffer) > max_query_bytes:
            raise _too_long(max_query_bytes)
        await read_more()
    if len(buffer) > max_query_bytes:
        raise _too_long(max_query_bytes)
    try:
        sql = bytes(buffer).decode().strip()
    except UnicodeDecodeError:
        raise bad_arguments("The statement must be valid UTF-8.") from None
    if not sql:
        raise ClickHouseError(62, "SYNTAX_ERROR", "Empty query.")
    return StatementText(sql, None, b"", body)


def _too_long(limit: int) -> ClickHouseError:
    return ClickHouseError(
        62,
        "SYNTAX_ERROR",
        f"Max query size exceeded: the statement has more than {limit} bytes. SIGHTGLASS_CLICKHOUSE_MAX_QUERY_BYTES raises it.",
    )
