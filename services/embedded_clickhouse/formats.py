"""How the blocks of a streamed answer become one document of a format.

The engine writes each block as a document of its own. Where a format has no frame, documents can simply follow each
other; where it begins with names, or is an Arrow stream, every block but the first loses its frame here. What cannot be
joined so (JSON, Parquet, Pretty...) is asked for whole.
"""

import re
from collections.abc import Callable, Iterator

from services.embedded_clickhouse.engine import Piece

Join = Callable[[Iterator[Piece]], Iterator[Piece]]

_ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_CSV_HEADER_LINE = re.compile(rb'(?:[^"\n]|"(?:[^"]|"")*")*\n')


def _as_it_is(blocks: Iterator[Piece]) -> Iterator[Piece]:
    yield from blocks


def _names(header_size: Callable[[bytes], int]) -> Join:
    def join(blocks: Iterator[Piece]) -> Iterator[Piece]:
        first = True
        for block in blocks:
            data = block.data if first else block.data[header_size(block.data) :]
            first = False
            yield Piece(data, block.rows, block.read_rows, block.read_bytes)

    return join


def _lines(count: int) -> Callable[[bytes], int]:
    def header_size(document: bytes) -> int:
        position = 0
        for _ in range(count):
            position = document.index(b"\n", position) + 1
        return position

    return header_size


def _csv_lines(count: int) -> Callable[[bytes], int]:
    def header_size(document: bytes) -> int:
        position = 0
        for _ in range(count):
            line = _CSV_HEADER_LINE.match(document, position)
            position = line.end() if line else position
        return position

    return header_size


def _arrow(blocks: Iterator[Piece]) -> Iterator[Piece]:
    first = True
    for block in blocks:
        data = block.data
        start = 0 if first else 8 + int.from_bytes(data[4:8], "little")
        end = len(data) - (len(_ARROW_END) if data.endswith(_ARROW_END) else 0)
        first = False
        yield Piece(data[start:end], block.rows, block.read_rows, block.read_bytes)
    if not first:
        yield Piece(_ARROW_END, 0)


_JOINS: dict[str, Join] = {
    "native": _as_it_is,
    "null": _as_it_is,
    "rowbinary": _as_it_is,
    "tabseparated": _as_it_is,
    "tsv": _as_it_is,
    "tabseparatedraw": _as_it_is,
    "tsvraw": _as_it_is,
    "csv": _as_it_is,
    "jsoneachrow": _as_it_is,
    "jsonlines": _as_it_is,
    "ndjson": _as_it_is,
    "jsoncompacteachrow": _as_it_is,
    "tabseparatedwithnames": _names(_lines(1)),
    "tsvwithnames": _names(_lines(1)),
    "tabseparatedwithnamesandtypes": _names(_lines(2)),
    "tsvwithnamesandtypes": _names(_lines(2)),
    "jsoncompacteachrowwithnames": _names(_lines(1)),
    "jsoncompacteachrowwithnamesandtypes": _names(_lines(2)),
    "csvwithnames": _names(_csv_lines(1)),
    "csvwithnamesandtypes": _names(_csv_lines(2)),
    "arrowstream": _arrow,
}
# Without rows these are empty; the others have at least a header, which an empty stream does not tell.
_EMPTY_WITHOUT_ROWS = frozenset(name for name, join in _JOINS.items() if join is _as_it_is)

_CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "csvwithnamesandtypes": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
    "parquet": "application/octet-stream",
    "orc": "application/octet-stream",
    "xml": "application/xml; charset=UTF-8",
}


def stream_join(output_format: str) -> Join | None:
    """Return how the blocks of a format are joined, or None where it must be asked for whole."""
    return _JOINS.get(output_format.lower())


def empty_without_rows(output_format: str) -> bool:
    """Say whether an answer without rows has no bytes in this format."""
    return output_format.lower() in _EMPTY_WITHOUT_ROWS


def content_type(output_format: str) -> str:
    """Return the Content-Type that ClickHouse gives a format."""
    name = output_format.lower()
    known = _CONTENT_TYPES.get(name)
    if known:
        return known
    if name.startswith(("tabseparated", "tsv")):
        return _CONTENT_TYPES["tabseparated"]
    return "text/plain; charset=UTF-8"
