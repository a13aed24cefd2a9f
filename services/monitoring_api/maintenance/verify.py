"""Holds the rollups against what they are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.maintenance.comparison import Comparison
from services.monitoring_api.maintenance.horizon import whole_from
from services.monitoring_api.queries.dirty import Dirty, find_dirty
from services.monitoring_api.queries.plan import QUARTER_SECONDS
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns

_DAY_NS: Final = 86_400 * NANOSECONDS
# So much of raw rows has its values in memory at once.
_HOUR_NS: Final = 3_600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Difference:
    """A bucket whose figures are not those that it is made of: the first that differs, of the first group.

    Args:
        tier: Which table.
        seconds: How long the bucket is.
        start: Its start in epoch seconds.
        groups: How many of its groups differ.
        group: The first of them, by the columns of the table's key.
        figure: The first of its figures that differs.
        expected: The least and the most that it may be; None for no number.
        found: What it is.
    """

    tier: str
    seconds: int
    start: int
    groups: int
    group: tuple[str, ...]
    figure: str
    expected: tuple[float | None, float | None]
    found: float | None

    def __str__(self) -> str:
        low, high = self.expected
        wanted = f"{low}" if low == high else f"{low} to {high}"
        more = f" ({self.groups:,} groups differ)" if self.groups > 1 else ""
        return f"{self.figure} of {' '.join(self.group).strip()} is {self.found} instead of {wanted}{more}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a comparison found.

    Args:
        compared: How many buckets were compared.
        dirty: How many were left out, for they are to be computed anyway.
        differences: Those that are not what they are made of.
    """

    compared: int
    dirty: int
    differences: tuple[Difference, ...]


def days(span: TimeRange, seconds: int = QUARTER_SECONDS) -> Iterator[TimeRange]:
    """A range in days at most, so that no statement grows with it; cut to whole buckets of a length."""
    unit = max(seconds, QUARTER_SECONDS) * NANOSECONDS
    start, end = -(-span.start_ns // unit) * unit, span.end_ns // unit * unit
    yield from _cut(TimeRange(start, end), _DAY_NS)


def _cut(span: TimeRange, length_ns: int) -> Iterator[TimeRange]:
    for start in range(span.start_ns, span.end_ns, length_ns):
        yield TimeRange(start, min(start + length_ns, span.end_ns))


async def verify(database: Database, comparison: Comparison, span: TimeRange) -> Verified:
    """Compare one tier with what it is made of, by bucket and group: every figure.

    A bucket that is dirty before or after it was read is left out: it is about to be computed.
    """
    rollup = comparison.source.rolled_up
    before = await find_dirty(database, rollup, span)
    rows: list[Sequence[Any]] = []
    for piece in _cut(span, _HOUR_NS if comparison.is_of_raw_rows else _DAY_NS):
        rows += await database.fetch(Query(comparison.sql, {"start_ns": piece.start_ns, "end_ns": piece.end_ns}))
    after = await find_dirty(database, rollup, span)
    if comparison.finished and (before.unfinished or after.unfinished):
        # Which quarters lack their finished figures is not known here; nobody is answered from them yet either.
        return Verified(0, len(rows), ())
    dirty = _dirty(comparison, before) | _dirty(comparison, after)
    clean = [row for row in rows if int(row[0]) not in dirty]
    differences = tuple(_difference(comparison, row) for row in clean if int(row[1]))
    return Verified(len(clean), len(rows) - len(clean), differences)


def _dirty(comparison: Comparison, found: Dirty) -> set[int]:
    """Starts of the buckets that may be behind."""
    length = comparison.seconds
    buckets = {start // length * length for start in found.buckets}
    return buckets | found.longer if length == comparison.source.rolled_up.longer_seconds else buckets


def _difference(comparison: Comparison, row: Sequence[Any]) -> Difference:
    start, groups, group, wrong, low, high, found = row
    return Difference(
        tier=comparison.name,
        seconds=comparison.seconds,
        start=int(start),
        groups=int(groups),
        group=tuple(map(str, group)),
        figure=comparison.figures[int(wrong) - 1],
        expected=(_number(low), _number(high)),
        found=_number(found),
    )


def _number(text: str) -> float | None:
    """A number that JSON has."""
    number = float(text)
    return number if isfinite(number) else None


async def comparable(
    database: Database, comparison: Comparison, span: TimeRange, *, now: datetime, kept: timedelta
) -> TimeRange:
    """What of a range can be compared: where the table below is whole.

    Args:
        database: Where to ask.
        comparison: Which tier.
        span: The range.
        now: The time.
        kept: How long rows of the table below live.
    """
    since = epoch_ns(await whole_from(database, comparison.made_of, now=now, kept=kept))
    return TimeRange(min(max(span.start_ns, since), span.end_ns), span.end_ns)
