"""How a question's rows are read: what is finished and kept comes from memory, and only the rest is asked for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.bucket_cache import BucketCache, question_key
from services.monitoring_api.queries.buckets import MOST_POINTS, Bucket, Buckets
from services.monitoring_api.queries.dirty import Dirty, find_dirty, recomputed
from services.monitoring_api.queries.plan import Plan, plan, raw_only
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.source import Rollup
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


async def prepare(
    database: Database, question: Question, buckets: Buckets | None, *, known: Dirty | None = None
) -> Reading:
    """Decide which pieces of the question's range come from where.

    Args:
        database: Where to ask what is dirty.
        question: What is asked.
        buckets: How its range is cut; None makes one bucket of all of it.
        known: What of the range is dirty, where that was asked just now.
    """
    rollup = question.metric.source.rollup
    if rollup is None or question.as_of_ns is not None:
        # A rollup holds what is there now.
        return Reading(raw_only(question.span), None)
    dirty = known or await find_dirty(database, rollup, question.span)
    fine, longer = question.tiers(buckets)
    if not fine and question.metric.source.prepared is None:
        return Reading(raw_only(question.span), dirty)
    lengths = {"seconds": rollup.seconds, "longer_seconds": rollup.longer_seconds}
    chosen = plan(question.span, dirty.buckets, dirty.longer, longer=longer, **lengths)
    return Reading(chosen if fine else chosen.from_rows(), dirty)


async def read_buckets(
    database: Database, question: Question, reading: Reading, buckets: Buckets, cache: BucketCache | None
) -> list[list[SeriesRow]]:
    """For each metric, the rows of every bucket of the range, at most one more than an answer may have points.

    A bucket is kept when nothing of it was dirty before it was read. It is taken again while nothing of it is dirty, or
    was computed since: late rows and duplicates mark what they touch until that is computed again.
    """
    rollup = question.metric.source.rollup
    if cache is None or reading.dirty is None or rollup is None:
        return await _ask(database, question, reading, reading.plan, buckets)
    whole = {bucket.key: bucket for bucket in buckets.all() if _is_whole(bucket, question.span, buckets)}
    clean = whole.keys() - _touched(buckets, rollup, reading.dirty.buckets)
    keys = [question_key(each, buckets) for each in question.each()]
    entries = [await cache.get(key, sorted(clean)) for key in keys]
    # One statement asks for all metrics, so what one of them lacks is asked for all.
    kept = set.intersection(*(set(found) for found in entries))
    if kept:
        since_us = min(found[bucket].as_of_us for found in entries for bucket in kept)
        kept -= _touched(buckets, rollup, await recomputed(database, rollup, question.span, since_us))
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


def _touched(buckets: Buckets, rollup: Rollup, starts: Collection[int]) -> set[int]:
    """The buckets that those of a rollup lie in; shorter ones are touched all."""
    found = set()
    for start in starts:
        last = (start + rollup.seconds) * NANOSECONDS - 1
        found |= set(range(buckets.key_at(start * NANOSECONDS), buckets.key_at(last) + 1))
    return found


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
