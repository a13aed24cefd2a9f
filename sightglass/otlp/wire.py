"""Protobuf's wire format: varints, tags, and fields with a length.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from struct import Struct
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5

pack_fixed64: Final = Struct("<Q").pack
pack_fixed32: Final = Struct("<I").pack
pack_double: Final = Struct("<d").pack

_MASK: Final = (1 << 64) - 1
_ONE_BYTE: Final = 0x80
# Most lengths and numbers are small: made once.
_SMALL: Final = tuple(
    bytes([number]) if number < _ONE_BYTE else bytes([number & 0x7F | 0x80, number >> 7]) for number in range(1 << 14)
)


def varint(number: int) -> bytes:
    """A number as a varint; a negative one as its two's complement of 64 bits."""
    if 0 <= number < 1 << 14:
        return _SMALL[number]
    number &= _MASK
    digits = bytearray()
    while number >= _ONE_BYTE:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def tag(field: int, wire_type: int) -> bytes:
    """What stands before a field's value."""
    return varint(field << 3 | wire_type)


def framed(field_tag: bytes, content: bytes) -> bytes:
    """A field with a length: text, bytes, or a message.

    Args:
        field_tag: `tag(number, LENGTH)`.
        content: The encoded value.
    """
    return field_tag + varint(len(content)) + content


def text_bytes(text: str) -> bytes:
    """UTF-8; a lone surrogate, which no receiver takes, becomes a question mark."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace")
