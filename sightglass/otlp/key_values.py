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
        self._known: dict[type, dict[str, dict[Any, bytes]]] = {str: {}, int: {}, bool: {}}
        # What stands before a value depends on the key and the value's length alone.
        self._text_heads: dict[str, dict[int, bytes]] = {}
        self._float_heads: dict[str, bytes] = {}

    def encode(self, attributes: Mapping[str, Any]) -> bytes:
        """All of `attributes`, in their order."""
        known = self._known
        parts = []
        for key, value in attributes.items():
            kind = type(value)
            # By exact type, for 1, 1.0 and True are one key to a dict.
            by_key = known.get(kind)
            values = None if by_key is None else by_key.get(key)
            encoded = None if values is None else values.get(value)
            parts.append(self._encode_one(key, value, kind) if encoded is None else encoded)
        return b"".join(parts)

    def _encode_one(self, key: str, value: Any, kind: type) -> bytes:
        if kind is float:
            return (self._float_heads.get(key) or self._float_head(key)) + pack_double(value)
        if kind is str:
            values = self._known[str].get(key)
            if values is not None and len(values) >= _MOST_VALUES:
                text = text_bytes(value)
                heads = self._text_heads.get(key)
                head = None if heads is None else heads.get(len(text))
                return (head or self._text_head(key, len(text))) + text
        encoded = framed(self._tag, key_value(key, value))
        if kind in self._known:
            _remember(self._known[kind], key, value, encoded)
        return encoded

    def _float_head(self, key: str) -> bytes:
        head = framed(self._tag, key_value(key, 0.0))[:-_DOUBLE_BYTES]
        if len(self._float_heads) < _MOST_KEYS:
            self._float_heads[key] = head
        return head

    def _text_head(self, key: str, length: int) -> bytes:
        whole = framed(self._tag, key_value(key, "x" * length))
        head = whole[: len(whole) - length]
        if len(self._text_heads) < _MOST_KEYS and length <= _LONGEST_REMEMBERED:
            self._text_heads.setdefault(key, {})[length] = head
        return head


def _remember(memory: dict[str, dict[Any, bytes]], key: str, value: Any, encoded: bytes) -> None:
    if len(encoded) > _LONGEST_REMEMBERED:
        return
    values = memory.get(key)
    if values is None:
        if len(memory) >= _MOST_KEYS:
            return
        values = memory[key] = {}
    if len(values) < _MOST_VALUES:
        values[value] = encoded
