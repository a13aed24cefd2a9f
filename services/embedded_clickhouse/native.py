"""Native blocks as a client of a newer protocol version expects them.

The engine writes Native as revision 0 does. From revision 1 on there is a block-info header before each block, and from
54454 on one byte after each column's type that says 'default serialization'. The columns themselves are the same, so a
block is walked with clickhouse-connect's own readers only to find where each column ends.
"""

from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.buffer import ResponseBuffer
from clickhouse_connect.driver.exceptions import Error as ConnectError
from clickhouse_connect.driver.query import QueryContext

from services.embedded_clickhouse.errors import not_implemented

# BlockInfo: field 1 is_overflows = 0, field 2 bucket_num = -1, end.
BLOCK_INFO = bytes.fromhex("010002ffffffff00")
CUSTOM_SERIALIZATION_REVISION = 54454
_DEFAULT_SERIALIZATION = b"\x00"
_PADDING = bytes(64)


class _NoMore:
    """The source behind a buffer that already has everything."""

    exception_tag = None

    def __init__(self) -> None:
        self.gen = iter(())

    def close(self) -> None:
        """Nothing to close."""


def _cursor(block: bytes) -> ResponseBuffer:
    cursor: ResponseBuffer = ResponseBuffer(_NoMore())  # type: ignore[no-untyped-call]  # clickhouse-connect has no types
    cursor.buffer, cursor.buf_loc, cursor.buf_sz = block, 0, len(block)
    return cursor


def reframed(document: bytes, revision: int, *, single_block: bool) -> bytes:
    """Put blocks of revision 0 into the frame of a client's revision.

    Args:
        document: whole blocks, one after the other.
        revision: the client's protocol version.
        single_block: whether the document is known to be one block, which then need not be walked for an old client.

    Raises:
        ClickHouseError: 48 where a column's type cannot be walked.
    """
    if revision <= 0 or not document:
        return document
    if single_block and revision < CUSTOM_SERIALIZATION_REVISION:
        return BLOCK_INFO + document
    # The reader must never run dry, or it forgets its place: hence the padding, which is not part of any block.
    cursor = _cursor(document + _PADDING)
    mark = _DEFAULT_SERIALIZATION if revision >= CUSTOM_SERIALIZATION_REVISION else b""
    pieces: list[bytes] = []
    while cursor.buf_loc < len(document):
        _reframe_block(cursor, document, mark, pieces)
    return b"".join(pieces)


def _reframe_block(cursor: ResponseBuffer, document: bytes, mark: bytes, pieces: list[bytes]) -> None:
    pieces.append(BLOCK_INFO)
    written = cursor.buf_loc
    type_name = ""
    try:
        columns, rows = cursor.read_leb128(), cursor.read_leb128()
        for _ in range(columns):
            cursor.read_leb128_str()
            type_name = cursor.read_leb128_str()
            pieces += [document[written : cursor.buf_loc], mark]
            written = cursor.buf_loc
            if rows:
                get_from_name(type_name).read_column(cursor, rows, QueryContext())
    except (ConnectError, NotImplementedError) as error:
        raise not_implemented(
            f"A column of type {type_name} cannot be written for this client's protocol version; cast it, or ask for "
            "another FORMAT."
        ) from error
    pieces.append(document[written : cursor.buf_loc])
