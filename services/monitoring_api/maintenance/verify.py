"""Holds the rollups against what they are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.maintenance.horizon import whole_from
from services.monitoring_api.queries.dirty import find_dirty
from services.monitoring_api.queries.plan import QUARTER_SECONDS
from services.monitoring_api.queries.source import Source
from services.monitoring_api.queries.sources import ERRORS, PREDICTIONS, REQUESTS
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns

_DAY_NS: Final = 86_400 * NANOSECONDS
_WITHIN: Final = """{time} >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
        AND {time} < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')"""
_COMPARE: Final = """SELECT toUnixTimestamp(Bucket), sum(CountBelow), sum(Count), sum(PartBelow), sum(Part)
FROM
(
    SELECT {bucket_below} AS Bucket, {count_below} AS CountBelow, {part_below} AS PartBelow, 0 AS Count, 0 AS Part
    FROM {below}
    WHERE {within_below}
        AND {only}
    GROUP BY Bucket
    UNION ALL
    SELECT Minute AS Bucket, 0, 0, {count}, {part}
    FROM {above} FINAL
    WHERE {within_above}
    GROUP BY Bucket
)
GROUP BY Bucket
ORDER BY Bucket"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tier against the one below.

    Args:
        name: What it is called.
        source: Whose.
        made_of: The table below.
        sql: SQL that gives bucket, count below, count, part below, part.
        seconds: How long a bucket is.
    """

    name: str
    source: Source
    made_of: str
    sql: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A bucket (its start in epoch seconds) whose figures are not those that it is made of."""

    tier: str
    start: int
    expected: tuple[int, int]
    found: tuple[int, int]


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


def _compare(**parts: str) -> str:
    time_below = parts.pop("time_below")
    return _COMPARE.format(
        within_below=_WITHIN.format(time=time_below), within_above=_WITHIN.format(time="Minute"), **parts
    )


def _tiers(source: Source, made_of: str, counts: str, parts: str, **raw: str) -> Iterator[Comparison]:
    rollup = source.rolled_up
    sums = {"count": f"sum({counts})", "part": f"sum({parts})"}
    yield Comparison(rollup.table, source, made_of, _compare(above=rollup.table, **sums, **raw), 60)
    minutes = {
        "below": f"{rollup.table} FINAL",
        "only": "1",
        "time_below": "Minute",
        "bucket_below": "toStartOfFifteenMinutes(Minute)",
        "count_below": sums["count"],
        "part_below": sums["part"],
    }
    compared = _compare(above=rollup.quarters, **sums, **minutes)
    yield Comparison(rollup.quarters, source, rollup.table, compared, QUARTER_SECONDS)


COMPARISONS: Final = (
    *_tiers(
        REQUESTS,
        "otel_traces",
        "Requests",
        "Errors",
        below="otel_traces FINAL",
        only="SpanKind = 'Server'",
        time_below="Timestamp",
        bucket_below="toStartOfMinute(toDateTime(Timestamp, 'UTC'))",
        count_below="count()",
        part_below=f"countIf({ERRORS})",
    ),
    *_tiers(
        PREDICTIONS,
        "predictions_data",
        "Predictions",
        "Positives",
        below="predictions",
        only=REAL,
        time_below="Timestamp",
        bucket_below="toStartOfMinute(toDateTime(Timestamp, 'UTC'))",
        count_below="count()",
        part_below="countIf(Positive)",
    ),
)


def days(span: TimeRange) -> Iterator[TimeRange]:
    """A range in days at most, so that no statement grows with it; cut to whole quarters of an hour."""
    quarter = QUARTER_SECONDS * NANOSECONDS
    start, end = -(-span.start_ns // quarter) * quarter, span.end_ns // quarter * quarter
    while start < end:
        yield TimeRange(start, min(start + _DAY_NS, end))
        start += _DAY_NS


async def verify(database: Database, comparison: Comparison, span: TimeRange) -> Verified:
    """Compare one tier with what it is made of, by bucket: how many rows, and how many failed, or were positive.

    A bucket that is dirty before or after it was read is left out: it is about to be computed.
    """
    rollup = comparison.source.rolled_up
    bounds = {"start_ns": span.start_ns, "end_ns": span.end_ns}
    before = await find_dirty(database, rollup, span)
    rows = await database.fetch(Query(comparison.sql, bounds))
    after = await find_dirty(database, rollup, span)
    length = comparison.seconds
    dirty = {minute // length * length for each in (before, after) for minute in each.minutes}
    if length == QUARTER_SECONDS:
        dirty |= before.quarters | after.quarters
    clean = [tuple(map(int, row)) for row in rows if int(row[0]) not in dirty]
    differences = tuple(
        Difference(comparison.name, start, (below, part_below), (count, part))
        for start, below, count, part_below, part in clean
        if (below, part_below) != (count, part)
    )
    return Verified(len(clean), len(rows) - len(clean), differences)


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
