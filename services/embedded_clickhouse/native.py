"""Native blocks as a client of a newer protocol version expects them.

The engine writes Native as revision 0 does. From revision 1 on there is a block-info header before each block, and from
54454 on one byte after each column's type that says 'default serialization'. The columns themselves are the same, so a
block is walked only to find where each column ends.
"""

from services.embedded_clickhouse.native_columns import ColumnWalk

# BlockInfo: field 1 is_overflows = 0, field 2 bucket_num = -1, end.
BLOCK_INFO = bytes.fromhex("010002ffffffff00")
CUSTOM_SERIALIZATION_REVISION = 54454
_DEFAULT_SERIALIZATION = b"\x00"


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
    mark = _DEFAULT_SERIALIZATION if revision >= CUSTOM_SERIALIZATION_REVISION else b""
    walk = ColumnWalk(document, 0)
    pieces: list[bytes] = []
    while walk.position < len(document):
        pieces.append(BLOCK_INFO)
        written = walk.position
        columns, rows = walk.number(), walk.number()
        for _ in range(columns):
            walk.text()
            type_name = walk.text()
            pieces += [document[written : walk.position], mark]
            written = walk.position
            walk.skip(type_name, rows)
        pieces.append(document[written : walk.position])
    return b"".join(pieces)
