"""Attributes as OTLP `KeyValue` messages; a pair that comes again and again is encoded once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sightglass.otlp.wire import FIXED64, LENGTH, VARINT, framed, pack_double, tag, text_bytes, varint

_KEY: Final = tag(1, LENGTH)
_VALUE: Final = tag(2, LENGTH)
_ITEM: Final = tag(1, LENGTH)
_STRING: Final = tag(1, LENGTH)
_BOOL: Final = tag(2, VARINT)
_INT: Final = tag(3, VARINT)
_DOUBLE: Final = tag(4, FIXED64)
_ARRAY: Final = tag(5, LENGTH)
_MAP: Final = tag(6, LENGTH)
_BYTES: Final = tag(7, LENGTH)
_TRUE: Final = _BOOL + b"\x01"
_FALSE: Final = _BOOL + b"\x00"
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1

_MOST_KEYS: Final = 512
# An attribute with more values than these is an id or a number: remembering it would only push others out.
_MOST_VALUES: Final = 64
_LONGEST_REMEMBERED: Final = 256
_DOUBLE_BYTES: Final = 8
_REMEMBERED: Final = frozenset({str, int, bool})


def any_value(value: Any) -> bytes:  # noqa: PLR0911  # one line per type that OTLP has
    """An `AnyValue` message. What OTLP has no type for becomes text."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, str):
        return framed(_STRING, text_bytes(value))
    if isinstance(value, int):
        return _INT + varint(value) if _SMALLEST <= value <= _LARGEST else framed(_STRING, str(value).encode())
    if isinstance(value, float):
        return _DOUBLE + pack_double(value)
    if isinstance(value, bytes | bytearray):
        return framed(_BYTES, bytes(value))
    if isinstance(value, Mapping):
        return framed(_MAP, b"".join(framed(_ITEM, key_value(str(key), item)) for key, item in value.items()))
    if isinstance(value, Sequence):
        return framed(_ARRAY, b"".join(framed(_ITEM, any_value(item)) for item in value))
    return framed(_STRING, text_bytes(str(value)))


def key_value(key: str, value: Any) -> bytes:
    """A `KeyValue` message."""
    return framed(_KEY, text_bytes(key)) + framed(_VALUE, any_value(value))


class KeyValues:
    """Encodes attributes as repeated `KeyValue` messages of one field. Safe in several threads.

    Args:
        field: Number of the field in the message that has the attributes.
    """

    def __init__(self, field: int) -> None:
        self._tag = tag(field, LENGTH)
        # By key: the type of its first value, and the encoded pair of each value of that type. By exact type, for 1,
        # 1.0 and True are one key to a dict.
        self._known: dict[str, tuple[type, dict[Any, bytes]]] = {}
        # What stands before a value depends on the key and the value's length alone, for values of one type: that of
        # the values remembered.
        self._heads: dict[str, dict[int, bytes]] = {}
        self._float_heads: dict[str, bytes] = {}

    def encode(self, attributes: Mapping[str, Any]) -> bytes:
        """All of `attributes`, in their order."""
        known, encode_one = self._known, self._encode_one
        parts = []
        for key, value in attributes.items():
            if (
                (entry := known.get(key)) is not None
                and entry[0] is type(value)
                and (encoded := entry[1].get(value)) is not None
            ):
                parts.append(encoded)
            else:
                parts.append(encode_one(key, value, entry))
        return b"".join(parts)

    def _encode_one(self, key: str, value: Any, entry: tuple[type, dict[Any, bytes]] | None) -> bytes:
        kind = type(value)
        if kind is float:
            return (self._float_heads.get(key) or self._float_head(key)) + pack_double(value)
        many = entry is not None and entry[0] is kind and len(entry[1]) >= _MOST_VALUES
        if many and (kind is str or (kind is int and 0 <= value <= _LARGEST)):
            content = text_bytes(value) if kind is str else varint(value)
            heads = self._heads.get(key)
            head = None if heads is None else heads.get(len(content))
            return (head or self._head(key, value, len(content))) + content
        encoded = framed(self._tag, key_value(key, value))
        if kind in _REMEMBERED and len(encoded) <= _LONGEST_REMEMBERED:
            self._remember(key, value, entry, encoded)
        return encoded

    def _remember(self, key: str, value: Any, entry: tuple[type, dict[Any, bytes]] | None, encoded: bytes) -> None:
        if entry is None:
            if len(self._known) >= _MOST_KEYS:
                return
            entry = self._known.setdefault(key, (type(value), {}))
        if entry[0] is type(value) and len(entry[1]) < _MOST_VALUES:
            entry[1][value] = encoded

    def _float_head(self, key: str) -> bytes:
        head = framed(self._tag, key_value(key, 0.0))[:-_DOUBLE_BYTES]
        if len(self._float_heads) < _MOST_KEYS:
            self._float_heads[key] = head
        return head

    def _head(self, key: str, value: str | int, length: int) -> bytes:
        whole = framed(self._tag, key_value(key, value))
        head = whole[: len(whole) - length]
        if len(self._heads) < _MOST_KEYS and length <= _LONGEST_REMEMBERED:
            self._heads.setdefault(key, {})[length] = head
        return head
