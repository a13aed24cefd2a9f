"""Kept buckets as bytes that nothing but a bucket can be made of."""

import json
from typing import Any, Final

from services.monitoring_api.queries.bucket_cache import CachedBucket
from services.monitoring_api.queries.series import SeriesRow

# Another number for each change of the form; it is part of every key, so that no version reads another one's.
FORM: Final = 1
# Of the question's hash: an entry tells whose it is, whatever way it came.
_TAG_BYTES: Final = 8


def encoded(question: bytes, bucket: int, entry: CachedBucket) -> bytes:
    """A bucket as bytes: the question's tag, then JSON (floats as the shortest text that reads back the same)."""
    rows = [[row.value, row.base, row.other, *row.group] for row in entry.rows]
    return question[:_TAG_BYTES] + json.dumps([bucket, entry.as_of_us, rows], separators=(",", ":")).encode("ascii")


def decoded(question: bytes, bucket: int, data: bytes) -> CachedBucket | None:
    """The bucket that bytes hold; None when they hold anything else, be it another question's or bucket's."""
    if data[:_TAG_BYTES] != question[:_TAG_BYTES]:
        return None
    try:
        number, as_of_us, rows = json.loads(data[_TAG_BYTES:].decode("ascii"))
        if type(as_of_us) is not int or type(number) is not int or number != bucket or type(rows) is not list:
            return None
        return CachedBucket(as_of_us, tuple(_row(bucket, row) for row in rows))
    except (ValueError, TypeError, RecursionError):
        return None


def _row(bucket: int, row: Any) -> SeriesRow:
    if type(row) is not list:
        raise TypeError
    value, base, other, *group = row
    if type(value) not in {float, type(None)} or type(base) is not float or type(other) is not bool:
        raise TypeError
    if any(type(each) is not str for each in group):
        raise TypeError
    return SeriesRow(bucket, value, base, other, tuple(group))
