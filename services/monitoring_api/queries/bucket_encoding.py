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
    """A bucket as bytes: the question's tag, then JSON (numbers as text that reads back the same)."""
    rows = [
        [None if row.value is None else _number(row.value), _number(row.base), bool(row.other), *map(str, row.group)]
        for row in entry.rows
    ]
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


def _number(value: Any) -> int | float:
    """As it is; of a driver's own kind of number a plain one, so that nothing fails that is only to be kept."""
    return value if type(value) in {int, float} else float(value)


def _row(bucket: int, row: Any) -> SeriesRow:
    if type(row) is not list:
        raise TypeError
    value, base, other, *group = row
    if type(value) not in {float, int, type(None)} or type(base) not in {float, int} or type(other) is not bool:
        raise TypeError
    if any(type(each) is not str for each in group):
        raise TypeError
    return SeriesRow(bucket, value, base, other, tuple(group))
