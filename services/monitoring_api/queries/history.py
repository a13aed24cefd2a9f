"""A metric over time."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.bucket_cache import BucketCache
from services.monitoring_api.queries.buckets import MOST_POINTS, Bucket, Buckets, check_points, too_many_points
from services.monitoring_api.queries.metric import Metric
from services.monitoring_api.queries.plan import Plan
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.reading import prepare, read_buckets
from services.monitoring_api.queries.series import SeriesRow, ranking_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.top import Groups, rank, with_rest
from services.monitoring_api.queries.watermark import Watermark, watermark

DEFAULT_TOP: Final = 10
MOST_TOP: Final = 50
# What the dimensions of all other groups together are called.
OTHER: Final = "other"
# Histograms that may be off by more are not taken where rows can be.
WIDEST_BOUND: Final = 0.01
# The label that tells metrics apart where several are asked at once.
METRIC: Final = "metric"

Arrived = Callable[[Database, datetime], Awaitable[Watermark]]


@dataclass(frozen=True, slots=True)
class Series:
    """One group's points.

    Args:
        labels: The group's dimensions and their values.
        points: Start of each bucket (epoch seconds) and the value, None where there is none; no bucket left out.
        other: Whether these are all groups together that have no series of their own.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[int, float | None]]
    other: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """An answer.

    Args:
        source: ``raw``, ``joined`` (predictions joined with labels), ``rollup_1m``, ``rollup_15m``, ``rollup_1d`` or
            ``mixed``.
        complete_until_ns: The part of the range before this has arrived; None when nothing is known of that.
        error_bound: Largest error of a value, relative for percentiles, absolute for areas under curves; 0 when exact.
        series: One without grouping, else one for each group with a series of its own, and one for the rest, if any.
        groups: How many groups were seen; 1 without grouping.
        kept: The groups that have a series of their own, by their values.
    """

    source: str
    complete_until_ns: int | None
    error_bound: float
    series: Sequence[Series]
    groups: int = 1
    kept: Sequence[tuple[str, ...]] = ()


def settled(question: Question, now: datetime) -> Question | None:
    """The question about rows that are old enough to be judged; None when that is nothing of the range."""
    settle_ns = question.metric.source.settle_seconds * NANOSECONDS
    end_ns = min(question.span.end_ns, epoch_ns(now) - settle_ns) if settle_ns else question.span.end_ns
    if end_ns <= question.span.start_ns:
        return None
    return question.over(TimeRange(question.span.start_ns, end_ns))


async def history(
    database: Database,
    question: Question,
    buckets: Buckets,
    *,
    now: datetime,
    top: int = MOST_TOP,
    cache: BucketCache | None = None,
    arrived: Arrived = watermark,
) -> History:
    """Answer a question about a metric over time, or about several.

    Args:
        database: Where to ask.
        question: What is asked. About several metrics, each series is labelled with its ``metric``. Where it
            names the groups to keep, these get a series, whatever ``top`` says.
        buckets: How its range is cut.
        now: The time.
        top: How many groups get a series of their own: those that rest on most rows. The rest becomes one, from merged
            sketches and exact sums.
        cache: Finished buckets of earlier answers.
        arrived: Tells up to when telemetry has arrived.

    Raises:
        BadInput: When there are more points than an answer may have; it says which step would do.
    """
    judged = settled(question, now)
    if judged is None:
        until_ns = _complete_until(await arrived(database, now), question)
        return History("raw", until_ns, 0.0, _series(question, buckets, [[] for _ in question.metrics]))
    mark, reading = await asyncio.gather(arrived(database, now), prepare(database, judged, buckets))
    if not reading.plan.is_exact:
        judged = judged.bounding()
    rows = await read_buckets(database, judged, reading, buckets, cache)
    if max([0.0, *_bounds(judged, rows[len(question.metrics) :])]) > WIDEST_BOUND:
        # Histograms are too coarse: scores lie elsewhere than their bins were made for.
        judged, reading = judged.exactly(len(question.metrics)), replace(reading, plan=reading.plan.of_rows_only())
        rows = await read_buckets(database, judged, reading, buckets, None)
    groups = Groups(question.kept or (), len(question.kept or ()) or 1)
    if question.group_by and question.kept is None:
        many = len(rows[0]) > MOST_POINTS
        groups = await _ranked(database, judged, reading.plan, top) if many else rank(rows[0], top)
        if groups.total > len(groups.kept):
            if not many and all(metric.sums_up for metric in question.metrics):
                rows = [with_rest(each, groups.kept) for each in rows]
            else:
                rows = await read_buckets(database, judged.keeping(groups.kept), reading, buckets, cache)
    series = _series(question, buckets, rows[: len(question.metrics)])
    bound = max(error_bound(question, reading.plan), *_bounds(judged, rows[len(question.metrics) :]), 0.0)
    until_ns = _complete_until(mark, question)
    source = reading.plan.source(question.metric.source.rollup)
    return History(source, until_ns, bound, series, max(groups.total, 1), groups.kept)


async def _ranked(database: Database, question: Question, plan: Plan, top: int) -> Groups:
    found = await database.fetch(ranking_query(question, plan, most=top))
    return Groups(tuple(tuple(map(str, values)) for _, *values in found), int(found[0][0]) if found else 0)


def _complete_until(mark: Watermark, question: Question) -> int | None:
    until = mark.about(question.metric.source).of(question.filters)
    if until is None:
        return None
    known = until if question.as_of_ns is None else min(until, question.as_of_ns)
    return max(question.span.start_ns, min(known, question.span.end_ns))


def _bounds(question: Question, rows: Sequence[list[SeriesRow]]) -> list[float]:
    """The bounds of values that were asked for."""
    asked = question.metrics[len(question.metrics) - len(rows) :]
    found = (
        metric.of(row.value, row.base, seconds=1.0) for metric, each in zip(asked, rows, strict=True) for row in each
    )
    return [bound for bound in found if bound is not None]


def error_bound(question: Question, chosen: Plan) -> float:
    """The largest relative error of a percentile that comes from there."""
    return 0.0 if chosen.is_exact else max(metric.value.error_bound for metric in question.metrics)


def _series(question: Question, buckets: Buckets, rows: Sequence[list[SeriesRow]]) -> list[Series]:
    cut = buckets.all()
    return [
        series
        for metric, found in zip(question.metrics, rows, strict=True)
        for series in _series_of(metric, question, buckets, cut, found)
    ]


def _series_of(
    metric: Metric, question: Question, buckets: Buckets, cut: Sequence[Bucket], rows: Sequence[SeriesRow]
) -> list[Series]:
    by_group: dict[tuple[bool, tuple[str, ...]], dict[int, SeriesRow]] = defaultdict(dict)
    for row in rows:
        by_group[row.other, row.group][row.bucket] = row
    many = len(by_group) * len(question.metrics)
    if len(rows) > MOST_POINTS:
        raise too_many_points(buckets, series=many, at_least=True)
    check_points(buckets, series=many)
    if not question.group_by and not by_group:
        by_group[False, ()] = {}
    names = [dimension.name for dimension in question.group_by]
    label = {METRIC: metric.name} if question.also else {}
    return [
        Series(
            {**label, **(dict.fromkeys(names, OTHER) if other else dict(zip(names, group, strict=True)))},
            _points(metric, cut, found),
            bool(other),
        )
        for (other, group), found in sorted(by_group.items())
    ]


def _points(metric: Metric, cut: Sequence[Bucket], found: Mapping[int, SeriesRow]) -> list[tuple[int, float | None]]:
    of, empty, get = metric.of, metric.empty, found.get
    return [
        (bucket.start, empty if (row := get(bucket.key)) is None else of(row.value, row.base, seconds=bucket.seconds))
        for bucket in cut
    ]
