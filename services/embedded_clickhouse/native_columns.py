"""How long a column is in the Native format (revision 0), from its type and its number of rows."""

import re
from collections.abc import Iterator

from services.embedded_clickhouse.errors import not_implemented

_FIXED = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Nothing", "Enum8"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Time", "Decimal32"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Time64", "Decimal64"), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("UInt256", "Int256", "Decimal256"), 32),
}
# A decimal is as wide as its digits need.
_DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}
_TYPE = re.compile(r"^(\w+)(?:\((.*)\))?$", re.DOTALL)
_NAMED = re.compile(r"^(?:\w+|`(?:[^`\\]|\\.)*`)\s+(\w.*)$", re.DOTALL)
_ADDITIONAL_KEYS = 1 << 9
_WORD = 8


class ColumnWalk:
    """Walks over columns of a block.

    Args:
        block: the bytes.
        position: where the first column's data begins.
    """

    def __init__(self, block: bytes, position: int) -> None:
        self._block = block
        self.position = position

    def skip(self, type_name: str, rows: int) -> None:
        """Move past the data of a column.

        Raises:
            ClickHouseError: 48 for a type whose length cannot be told.
        """
        # Dictionaries' versions stand before the data, one for each LowCardinality within the type.
        self._prefix(type_name)
        self._data(type_name, rows)

    def number(self) -> int:
        """Read a variable-length number."""
        value = shift = 0
        while True:
            byte = self._block[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  (the continuation bit)
                return value
            shift += 7

    def text(self) -> str:
        """Read a string."""
        size = self.number()
        self.position += size
        return self._block[self.position - size : self.position].decode(errors="replace")

    def _word(self, offset: int = 0) -> int:
        start = self.position + offset
        return int.from_bytes(self._block[start : start + _WORD], "little")

    def _prefix(self, type_name: str) -> None:
        name, inner = _split(type_name)
        if name == "LowCardinality":
            self.position += _WORD
        elif name in ("Array", "Nullable", "Tuple", "Map", "Nested", "SimpleAggregateFunction"):
            for part in inner:
                self._prefix(part)

    def _data(self, type_name: str, rows: int) -> None:
        name, inner = _split(type_name)
        if name in _FIXED:
            self.position += _FIXED[name] * rows
        elif name in ("FixedString", "Decimal") or name.startswith("Interval"):
            self.position += _width(name, inner) * rows
        elif name == "String":
            for _ in range(rows):
                self._text()
        elif name == "LowCardinality":
            self._dictionary(inner[0], rows)
        else:
            self._nested(name, inner, rows)

    def _text(self) -> None:
        size = self.number()
        self.position += size

    def _nested(self, name: str, inner: tuple[str, ...], rows: int) -> None:
        if name == "Nullable":
            self.position += rows
            self._data(inner[0], rows)
        elif name in ("Array", "Map", "Nested"):
            count = self._word(_WORD * (rows - 1)) if rows else 0
            self.position += _WORD * rows
            for part in inner:
                self._data(part, count)
        elif name in ("Tuple", "SimpleAggregateFunction"):
            # An empty tuple is a byte for each row.
            self.position += 0 if inner else rows
            for part in inner:
                self._data(part, rows)
        else:
            raise not_implemented(
                f"A column of type {name} cannot be written for this client's protocol version; cast it, or ask for "
                "another FORMAT."
            )

    def _dictionary(self, key_type: str, rows: int) -> None:
        if not rows:
            return
        flags = self._word()
        self.position += _WORD
        if flags & _ADDITIONAL_KEYS:
            keys = self._word()
            self.position += _WORD
            name, inner = _split(key_type)
            self._data(inner[0] if name == "Nullable" else key_type, keys)
        indexes = self._word()
        self.position += _WORD + indexes * (1 << (flags & 0xFF))


def _width(name: str, inner: tuple[str, ...]) -> int:
    if name == "FixedString":
        return int(inner[0])
    if name == "Decimal":
        return next(width for digits, width in _DECIMAL_WIDTHS if int(inner[0]) <= digits)
    return _WORD


def _split(type_name: str) -> tuple[str, tuple[str, ...]]:
    """Split a type into its name and the types (or numbers) that matter within it."""
    match = _TYPE.match(_ALIASES.get(type_name, type_name))
    if match is None:
        raise not_implemented(f"A column of type {type_name} is not known here.")
    name, arguments = match.group(1), tuple(_arguments(match.group(2) or ""))
    if name in ("Tuple", "Nested"):
        return name, tuple(_without_name(argument) for argument in arguments)
    if name == "SimpleAggregateFunction":
        return name, arguments[1:]
    return name, arguments


def _without_name(argument: str) -> str:
    named = _NAMED.match(argument)
    return named.group(1) if named else argument


def _arguments(text: str) -> Iterator[str]:
    """Split at the commas that are within no parentheses and no quotes."""
    depth, start, quote, position = 0, 0, "", 0
    while position < len(text):
        letter = text[position]
        if quote:
            position += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'`":
            quote = letter
        elif letter == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
        else:
            depth += (letter == "(") - (letter == ")")
        position += 1
    if text[start:].strip():
        yield text[start:].strip()
