"""A metric over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.monitoring_api.database import Database
from services.monitoring_api.queries.buckets import MOST_POINTS, Bucket, Buckets, check_points, too_many_points
from services.monitoring_api.queries.dirty import dirty_minutes
from services.monitoring_api.queries.plan import Plan, plan, raw_only
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import watermark


@dataclass(frozen=True, slots=True)
class Series:
    """One group's points.

    Args:
        labels: The group's dimensions and their values.
        points: Start of each bucket (epoch seconds) and the value, None where there is none; no bucket left out.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[int, float | None]]


@dataclass(frozen=True, slots=True)
class History:
    """An answer.

    Args:
        source: ``raw``, ``rollup_1m`` or ``mixed``.
        complete_until_ns: The part of the range before this has arrived; None when nothing is known of that.
        error_bound: Largest relative error of a value; 0 when exact.
        series: One without grouping, else one for each group seen.
    """

    source: str
    complete_until_ns: int | None
    error_bound: float
    series: Sequence[Series]


async def plan_for(database: Database, question: Question, step_seconds: int) -> Plan:
    """Decide which pieces of the question's range come from where."""
    rollup = question.metric.source.rollup
    if rollup is None or not question.from_rollup(step_seconds):
        return raw_only(question.span)
    return plan(question.span, await dirty_minutes(database, rollup, question.span))


def settled(question: Question, now: datetime) -> Question | None:
    """The question about rows that are old enough to be judged; None when that is nothing of the range."""
    settle_ns = question.metric.source.settle_seconds * NANOSECONDS
    end_ns = min(question.span.end_ns, epoch_ns(now) - settle_ns) if settle_ns else question.span.end_ns
    if end_ns <= question.span.start_ns:
        return None
    return Question(question.metric, TimeRange(question.span.start_ns, end_ns), question.group_by, question.conditions)


async def history(database: Database, question: Question, buckets: Buckets, *, now: datetime) -> History:
    """Answer a question about a metric over time.

    Args:
        database: Where to ask.
        question: What is asked.
        buckets: How its range is cut.
        now: The time.

    Raises:
        BadInput: When there are more points than an answer may have; it says which step would do.
    """
    until = await watermark(database, now)
    complete_until = None if until is None else max(question.span.start_ns, min(until, question.span.end_ns))
    judged = settled(question, now)
    if judged is None:
        chosen, rows = raw_only(question.span), []
    else:
        chosen = await plan_for(database, judged, buckets.step.seconds)
        query = series_query(judged, chosen, buckets, most_rows=MOST_POINTS + 1)
        rows = [SeriesRow.of(row) for row in await database.fetch(query)]
    return History(chosen.source, complete_until, error_bound(question, chosen), _series(question, buckets, rows))


def error_bound(question: Question, chosen: Plan) -> float:
    """The largest relative error of an answer that comes from there."""
    return question.metric.value.error_bound if chosen.rollup else 0.0


def _series(question: Question, buckets: Buckets, rows: list[SeriesRow]) -> list[Series]:
    by_group: dict[tuple[str, ...], dict[int, SeriesRow]] = {}
    for row in rows:
        by_group.setdefault(row.group, {})[row.bucket] = row
    if len(rows) > MOST_POINTS:
        raise too_many_points(buckets, series=len(by_group), at_least=True)
    check_points(buckets, series=len(by_group))
    if not question.group_by and not by_group:
        by_group[()] = {}
    names = [dimension.name for dimension in question.group_by]
    cut = buckets.all()
    return [
        Series(dict(zip(names, group, strict=True)), [_point(question, bucket, found) for bucket in cut])
        for group, found in sorted(by_group.items())
    ]


def _point(question: Question, bucket: Bucket, found: Mapping[int, SeriesRow]) -> tuple[int, float | None]:
    row = found.get(bucket.key)
    if row is None:
        return bucket.start, question.metric.empty
    return bucket.start, question.metric.of(row.value, row.base, seconds=bucket.seconds)
