"""How a question's rows are read: what is finished and kept comes from memory, and only the rest is asked for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.bucket_cache import BucketCache, question_key
from services.monitoring_api.queries.buckets import MOST_POINTS, Bucket, Buckets
from services.monitoring_api.queries.dirty import Dirty, find_dirty, recomputed_minutes
from services.monitoring_api.queries.plan import QUARTER_SECONDS, Plan, plan, raw_only
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# More gaps than this make a statement long; then all is asked anew.
_MOST_GAPS: Final = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """Which pieces of a question's range come from where.

    Args:
        plan: The pieces.
        dirty: What of the range is dirty; None where the source has no rollup, so that nothing tells of late rows.
    """

    plan: Plan
    dirty: Dirty | None


async def prepare(database: Database, question: Question, step_seconds: int) -> Reading:
    """Decide which pieces of the question's range come from where."""
    rollup = question.metric.source.rollup
    if rollup is None or question.as_of_ns is not None:
        # A rollup holds what is there now.
        return Reading(raw_only(question.span), None)
    dirty = await find_dirty(database, rollup, question.span)
    if not question.from_rollup(step_seconds):
        return Reading(raw_only(question.span), dirty)
    quarters = step_seconds % QUARTER_SECONDS == 0
    return Reading(plan(question.span, dirty.minutes, dirty.quarters, quarters=quarters), dirty)


async def read_buckets(
    database: Database, question: Question, reading: Reading, buckets: Buckets, cache: BucketCache | None
) -> list[list[SeriesRow]]:
    """For each metric, the rows of every bucket of the range, at most one more than an answer may have points.

    A bucket is kept when none of its minutes was dirty before it was read. It is taken again while no minute of it is
    dirty, or was computed since: late rows and duplicates mark their minutes until these are computed again.
    """
    rollup = question.metric.source.rollup
    if cache is None or reading.dirty is None or rollup is None:
        return await _ask(database, question, reading, reading.plan, buckets)
    whole = {bucket.key: bucket for bucket in buckets.all() if _is_whole(bucket, question.span, buckets)}
    clean = whole.keys() - _touched(buckets, reading.dirty.minutes)
    keys = [question_key(each, buckets) for each in question.each()]
    entries = [await cache.get(key, sorted(clean)) for key in keys]
    # One statement asks for all metrics, so what one of them lacks is asked for all.
    kept = set.intersection(*(set(found) for found in entries))
    if kept:
        since_us = min(found[bucket].as_of_us for found in entries for bucket in kept)
        kept -= _touched(buckets, await recomputed_minutes(database, rollup, question.span, since_us))
    gaps = _gaps(question.span, [whole[bucket] for bucket in kept], buckets)
    if len(gaps) > _MOST_GAPS:
        kept, gaps = set(), [question.span]
    asked: list[list[SeriesRow]] = [[] for _ in keys]
    if gaps:
        asked = await _ask(database, question, reading, reading.plan.within(gaps), buckets)
    answers = []
    for key, found, more in zip(keys, entries, asked, strict=True):
        rows = [row for bucket in kept for row in found[bucket].rows] + more
        answers.append(rows)
        if len(rows) <= MOST_POINTS:
            await cache.put(key, reading.dirty.as_of_us, _by_bucket(rows, clean))
    return answers


async def _ask(
    database: Database, question: Question, reading: Reading, chosen: Plan, buckets: Buckets
) -> list[list[SeriesRow]]:
    finished = reading.dirty is not None and not reading.dirty.unfinished
    query = series_query(question, chosen, buckets, most_rows=MOST_POINTS + 1, finished=finished)
    return SeriesRow.all_of(await database.fetch(query), len(question.metrics))


def _by_bucket(rows: Iterable[SeriesRow], buckets: Iterable[int]) -> dict[int, list[SeriesRow]]:
    found: dict[int, list[SeriesRow]] = {bucket: [] for bucket in buckets}
    for row in rows:
        if row.bucket in found:
            found[row.bucket].append(row)
    return found


def _is_whole(bucket: Bucket, span: TimeRange, buckets: Buckets) -> bool:
    """Whether all of the bucket lies within the range."""
    return bucket.start * NANOSECONDS >= span.start_ns and buckets.start_of(bucket.key + 1) * NANOSECONDS <= span.end_ns


def _touched(buckets: Buckets, minutes: Collection[int]) -> set[int]:
    """The buckets that these minutes lie in; one that is shorter than a minute is touched by all of it."""
    return {
        key
        for minute in minutes
        for key in range(buckets.key_at(minute * NANOSECONDS), buckets.key_at((minute + 60) * NANOSECONDS - 1) + 1)
    }


def _gaps(span: TimeRange, kept: Iterable[Bucket], buckets: Buckets) -> list[TimeRange]:
    """What the kept buckets leave of the range."""
    gaps: list[TimeRange] = []
    reached = span.start_ns
    for bucket in sorted(kept, key=lambda each: each.key):
        start = bucket.start * NANOSECONDS
        if start > reached:
            gaps.append(TimeRange(reached, start))
        reached = buckets.start_of(bucket.key + 1) * NANOSECONDS
    if reached < span.end_ns:
        gaps.append(TimeRange(reached, span.end_ns))
    return gaps
