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
        self._texts: dict[str, dict[str, bytes]] = {}
        self._numbers: dict[str, dict[int, bytes]] = {}

    def encode(self, attributes: Mapping[str, Any]) -> bytes:
        """All of `attributes`, in their order."""
        texts, numbers = self._texts, self._numbers
        parts = []
        for key, value in attributes.items():
            kind = type(value)
            # By exact type, for 1, 1.0 and True are one key to a dict.
            known: bytes | None
            if kind is str:
                known = values.get(value) if (values := texts.get(key)) is not None else None
            elif kind is int:
                known = counts.get(value) if (counts := numbers.get(key)) is not None else None
            else:
                known = None
            parts.append(known or self._encode_one(key, value, kind))
        return b"".join(parts)

    def _encode_one(self, key: str, value: Any, kind: type) -> bytes:
        encoded = framed(self._tag, key_value(key, value))
        if kind is str:
            _remember(self._texts, key, value, encoded)
        elif kind is int:
            _remember(self._numbers, key, value, encoded)
        return encoded


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
