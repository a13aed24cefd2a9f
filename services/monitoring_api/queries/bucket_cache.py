"""Finished buckets of answers, and the way to keep them in memory up to a number of bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from cachetools import LRUCache

from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.cache_tally import CacheTally
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.series import SeriesRow

# What an entry, a row and a group's value take in memory besides their text: a little more than tracemalloc shows on
# CPython 3.11.
_ENTRY_BYTES: Final = 400
_ROW_BYTES: Final = 250
_VALUE_BYTES: Final = 60


class CachedBucket(NamedTuple):
    """A bucket's rows, and the server's time (microseconds) as of which they are all that there is."""

    as_of_us: int
    rows: tuple[SeriesRow, ...]


class BucketCache(Protocol):
    """Where finished buckets are kept. It may forget any of them at any time, and never fails a question.

    Attributes:
        tally: What it did.
    """

    tally: CacheTally

    async def get(self, question: bytes, buckets: Sequence[int]) -> dict[int, CachedBucket]:
        """Those of these buckets that are kept."""
        ...

    async def put(self, question: bytes, as_of_us: int, rows: Mapping[int, Sequence[SeriesRow]]) -> None:
        """Keep these buckets' rows as of a time; an empty bucket is kept too."""
        ...

    async def close(self) -> None:
        """Let go what it holds."""
        ...


class MemoryBuckets:
    """Buckets by question in this process's memory; the least recently used go first.

    Args:
        max_bytes: About how much memory it may take; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self.tally = CacheTally()
        self._entries = _Entries(max_bytes, self.tally)

    async def get(self, question: bytes, buckets: Sequence[int]) -> dict[int, CachedBucket]:
        """Those of these buckets that are kept (see `BucketCache.get`)."""
        looked = ((bucket, self._entries.get((question, bucket))) for bucket in buckets)
        found = {bucket: entry for bucket, entry in looked if entry is not None}
        self.tally.hits += len(found)
        self.tally.misses += len(buckets) - len(found)
        return found

    async def put(self, question: bytes, as_of_us: int, rows: Mapping[int, Sequence[SeriesRow]]) -> None:
        """Keep these buckets' rows (see `BucketCache.put`)."""
        for bucket, found in rows.items():
            entry = CachedBucket(as_of_us, tuple(found))
            if _size(entry) <= self._entries.maxsize:
                self._entries[question, bucket] = entry

    async def close(self) -> None:
        """Nothing of another process's to let go."""


class _Entries(LRUCache[tuple[bytes, int], CachedBucket]):
    """The entries, counting those that go for want of room."""

    def __init__(self, max_bytes: int, tally: CacheTally) -> None:
        super().__init__(max_bytes, getsizeof=_size)
        self._tally = tally
        tally.size = lambda: int(self.currsize)

    def popitem(self) -> tuple[tuple[bytes, int], CachedBucket]:
        """Drop the least recently used."""
        self._tally.evictions += 1
        return super().popitem()


def question_key(question: Question, buckets: Buckets) -> bytes:
    """What tells questions apart whose buckets are not the same; their range is not part of it."""
    parts = (
        question.metric.name,
        tuple(dimension.name for dimension in question.group_by),
        tuple((dimension.name, each.operator.value, each.values) for dimension, each in question.conditions),
        question.kept,
        buckets.step.seconds,
        buckets.tz.key if buckets.step.days else "",
    )
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()


def _size(entry: CachedBucket) -> int:
    return _ENTRY_BYTES + sum(_ROW_BYTES + sum(_VALUE_BYTES + len(value) for value in row.group) for row in entry.rows)
