"""What a segment consists of: entries, each with its length and checksum, so that a torn end is found.

An owner's entry stands before the first record of that owner. Numbers are little-endian.

    checksum (4 bytes: CRC-32 of the rest) | length of the content (4) | kind (1) | the owner's number (4) | content

The content of an owner is the lengths of its four pieces, 4 bytes each, and the pieces.
"""

from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from sightglass.otlp.request import Encoded, Owner

_OWNER: Final = 1
_RECORD: Final = 2
_CHECKSUM: Final = Struct("<I")
_HEAD: Final = Struct("<IBI")
_LENGTHS: Final = Struct("<4I")
_BEFORE_CONTENT: Final = _CHECKSUM.size + _HEAD.size


class Entries(NamedTuple):
    """What could be read.

    Args:
        records: Records, each with its owner.
        torn: Bytes after the last whole entry.
    """

    records: list[Encoded]
    torn: int


def owner_entry(number: int, owner: Owner) -> bytes:
    """An owner, to whom records then refer by `number`."""
    return _entry(_OWNER, number, b"".join((_LENGTHS.pack(*map(len, owner)), *owner)))


def record_entry(owner: int, record: bytes) -> bytes:
    """A record of the owner with this number."""
    return _entry(_RECORD, owner, record)


def read_entries(data: bytes) -> Entries:
    """The records up to the first entry that is not whole."""
    records: list[Encoded] = []
    owners: dict[int, Owner] = {}
    view = memoryview(data)
    position = 0
    while len(data) - position >= _BEFORE_CONTENT:
        length, kind, number = _HEAD.unpack_from(data, position + _CHECKSUM.size)
        end = position + _BEFORE_CONTENT + length
        if end > len(data) or crc32(view[position + _CHECKSUM.size : end]) != _CHECKSUM.unpack_from(data, position)[0]:
            break
        content = data[position + _BEFORE_CONTENT : end]
        if kind == _OWNER:
            owners[number] = _owner(content)
        elif kind == _RECORD and number in owners:
            records.append((owners[number], None, content))
        position = end
    return Entries(records, len(data) - position)


def _entry(kind: int, number: int, content: bytes) -> bytes:
    head = _HEAD.pack(len(content), kind, number)
    return _CHECKSUM.pack(crc32(content, crc32(head))) + head + content


def _owner(content: bytes) -> Owner:
    pieces = []
    position = _LENGTHS.size
    for length in _LENGTHS.unpack_from(content):
        pieces.append(content[position : position + length])
        position += length
    return Owner(*pieces)
