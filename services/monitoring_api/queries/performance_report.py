"""How a model did, as far as labels tell: over all, over time, and by segment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from services.monitoring_api.database import Database, Query
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.arrivals import Learned, age_bin, history_span, learn
from services.monitoring_api.queries.buckets import Bucket, Buckets, check_points
from services.monitoring_api.queries.history import WIDEST_BOUND
from services.monitoring_api.queries.maturity import NO_PREDICTION, ArrivalCurve, Maturity, made_in, maturity
from services.monitoring_api.queries.outcome_rows import outcome_rows
from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.performance.calibration import CALIBRATION
from services.monitoring_api.queries.performance.figure import Figure
from services.monitoring_api.queries.performance.measure import figures_of, measure
from services.monitoring_api.queries.performance.measured import Measured
from services.monitoring_api.queries.performance_curves import BINARY, Curves, performance_curves
from services.monitoring_api.queries.performance_sums import ages as ages_of_sums
from services.monitoring_api.queries.performance_sums import can_sum, summed
from services.monitoring_api.queries.segments import (
    ENTITY,
    MOST_VALUES,
    SEGMENT,
    TRACE_PATH,
    VARIANT,
    Segment,
    Segmenting,
    cut,
    segment_order,
)
from services.monitoring_api.queries.timerange import TimeRange

TASKS: Final = (BINARY, "multiclass", "regression")

# So many predictions are read row by row; of more, sums that are kept answer, unless it is to be exact.
MOST_ROWS: Final = 1_000_000
# What the reader's 2 GB hold: so many predictions with their labels anew, and so many with a feature. A million takes
# 0.4 and, with areas under curves, 0.2 GB.
MOST_JOINED: Final = 4_000_000
MOST_SEGMENTED: Final = 10_000_000
_COUNTS: Final = """SELECT Task, count() AS Predictions
FROM predictions
WHERE {when}
GROUP BY Task
ORDER BY Predictions DESC, Task"""
_AGE: Final = age_bin("{now_us:Int64} - toUnixTimestamp64Micro(toDateTime64(Timestamp, 6))")
_VARIANTS: Final = """SELECT Variant, count() AS Predictions
FROM predictions
WHERE ModelName = {model:String}
    AND Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
GROUP BY Variant
ORDER BY Predictions DESC, Variant
LIMIT {most:UInt64}"""


class Learning(Protocol):
    """Tells how a model's labels come: `arrivals.learn`, or what remembers it."""

    async def __call__(self, database: Database, model: str, now_ns: int, *, as_of_ns: int | None = None) -> Learned:
        """As `arrivals.learn`."""
        ...


@dataclass(frozen=True, slots=True)
class PerformanceQuestion:
    """How a model did.

    Args:
        outcomes: Which predictions.
        buckets: How their range is cut.
        now_ns: The time, or the one as of which it is asked.
        parameters: More values that the conditions of ``outcomes`` need.
        segmenting: What to tell them apart by.
        wanted: Names of figures; None: all, but of buckets and segments none that need bins of their own.
        exact: Whether to compute from rows even where sums are kept.
        threshold: By which score to decide instead, for what that would have given.
        costs: What a false positive and a false negative cost.
        with_curves: Whether to ask for what stands beside the figures.
    """

    outcomes: Outcomes
    buckets: Buckets
    now_ns: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    segmenting: Segmenting | None = None
    wanted: frozenset[str] | None = None
    exact: bool = False
    threshold: float | None = None
    costs: tuple[float, float] = (1.0, 1.0)
    with_curves: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the predictions: all, those of a bucket, or those of a segment.

    Args:
        measured: Their figures.
        maturity: Whether their labels have come.
        bucket: Of a bucket: which.
        segment: Of a segment: which.
    """

    measured: Measured
    maturity: Maturity
    bucket: Bucket | None = None
    segment: Segment | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """An answer.

    Args:
        task: What the predictions are; None where there are none.
        left_out: Predictions of other tasks, by task.
        whole: All of them.
        series: By bucket, none left out.
        segments: By segment.
        learned: How their labels come.
        curves: What stands beside the figures.
        source: What it comes from: ``raw``, ``joined`` (rows that were joined before), ``mixed``.
        error_bound: Largest absolute error of an area under a curve; 0 where all is exact.
    """

    task: str | None
    left_out: Mapping[str, int]
    whole: Part
    series: Sequence[Part]
    segments: Sequence[Part] | None
    learned: Learned
    curves: Curves = field(default_factory=Curves)
    source: str = "raw"
    error_bound: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, and of what.

    Args:
        whole: Of all rows.
        series: By the bucket's key.
        source: What it comes from.
        error_bound: As of a `Report`.
    """

    whole: Measured
    series: Mapping[int, Measured]
    source: str
    error_bound: float


async def performance_report(database: Database, question: PerformanceQuestion, learning: Learning = learn) -> Report:
    """Measure a model.

    Args:
        database: Where to ask.
        question: What is asked.
        learning: Tells how the model's labels come.

    Raises:
        BadInput: When a segment is unknown, or there are more points than an answer may have.
    """
    outcomes, now_ns = question.outcomes, question.now_ns
    values = {**outcomes.parameters(), **question.parameters, "now_us": now_ns // 1000}
    found = await database.fetch(Query(_COUNTS.format(when=outcomes.when()), values))
    counts = {str(task): int(count) for task, count in found}
    # The counts are in order: the task of the most predictions comes first.
    task = next((task for task in counts if task in TASKS), None)
    if task is None:
        return _nothing(question, counts)
    learned = await learning(database, outcomes.model, now_ns, as_of_ns=outcomes.as_of_ns)
    check_points(question.buckets, series=len(_wanted(question, task, of_parts=True)))
    rows = await _find_rows(database, question, outcomes, task)
    _check_memory(question, rows, counts[task])
    # One after the other: each is work for all cores of the database, and others want its connections too.
    if not question.exact and counts[task] > MOST_ROWS and len(counts) == 1 and can_sum(outcomes, task):
        figures = await _summed(database, question, task)
        if figures.error_bound > WIDEST_BOUND:
            figures = await _figures(database, question, rows)
        ages = await ages_of_sums(database, outcomes, question.buckets, now_ns)
        curves = Curves()
    else:
        figures = await _figures(database, question, rows)
        ages = await _ages(database, question, rows, _bucket(question.buckets), question.buckets.parameters())
        curves = await _curves(database, question, rows)
    segments = await _segments(database, question, rows, learned.curve)
    series = []
    for bucket in question.buckets.all():
        measured = figures.series.get(bucket.key) or _unmeasured(_wanted(question, task, of_parts=True))
        ripeness = maturity(learned.curve, ages.get(str(bucket.key), []), now_ns, labels=measured.labels)
        series.append(Part(measured, ripeness, bucket))
    everything = [part for parts in ages.values() for part in parts]
    ripeness = maturity(learned.curve, everything, now_ns, labels=figures.whole.labels)
    return Report(
        task=task,
        left_out={other: count for other, count in counts.items() if other != task},
        whole=Part(figures.whole, ripeness),
        series=series,
        segments=segments,
        learned=learned,
        curves=curves,
        source=figures.source,
        error_bound=figures.error_bound,
    )


def _check_memory(question: PerformanceQuestion, rows: "_Rows", predictions: int) -> None:
    """Refuse what would not fit into memory, and say which range does.

    Raises:
        BadInput: Naming ``from``.
    """
    segmenting = question.segmenting
    if rows.source == "raw":
        most, why = MOST_JOINED, "have to be joined with the labels of that time, or are not summed up yet"
    elif segmenting is not None and (segmenting.is_feature or segmenting.name in {ENTITY, TRACE_PATH}):
        most, why = MOST_SEGMENTED, "have to be told apart by what they are looked up for"
    else:
        return
    if predictions > most:
        hours = question.outcomes.span.seconds * most / predictions / 3600
        told = f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"  # noqa: PLR2004
        raise bad_field("from", f"{predictions:,} predictions {why}; {most:,} can be: a range of {told} has as many")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Predictions of one task, as SQL after FROM: with what became of them and without, and the values it needs."""

    sql: str
    made: str
    parameters: Mapping[str, Any]
    task: str
    source: str


async def _find_rows(database: Database, question: PerformanceQuestion, outcomes: Outcomes, task: str) -> _Rows:
    found = await outcome_rows(database, outcomes)
    known = {**outcomes.parameters(), **question.parameters, **found.parameters}
    return _Rows(
        sql=f"(SELECT * FROM {found.sql} WHERE Task = {{task:String}})",  # noqa: S608  (texts of ours; values are bound)
        made=f"(SELECT * FROM predictions WHERE {outcomes.when()} AND Task = {{task:String}})",  # noqa: S608
        parameters={**known, "task": task, "now_us": question.now_ns // 1000},
        task=task,
        source=found.source,
    )


async def _summed(database: Database, question: PerformanceQuestion, task: str) -> Figures:
    """Figures over all and over time, from sums that are kept."""
    wanted, of_parts = _wanted(question, task), _wanted(question, task, of_parts=True)
    found = await summed(database, question.outcomes, question.buckets, task=task, wanted=wanted, of_parts=of_parts)
    whole, series, source, error_bound = found
    return Figures(whole, series, source, error_bound)


async def _figures(database: Database, question: PerformanceQuestion, rows: _Rows) -> Figures:
    """Figures over all and over time, from rows."""
    buckets = question.buckets
    wanted = _wanted(question, rows.task)
    (whole,) = await measure(database, rows.sql, rows.parameters, rows.task, wanted=wanted)
    series = await measure(
        database,
        rows.sql,
        {**rows.parameters, **buckets.parameters()},
        rows.task,
        [_bucket(buckets)],
        wanted=_wanted(question, rows.task, of_parts=True),
    )
    return Figures(whole, {int(each.group[0]): each for each in series}, rows.source, 0.0)


async def _curves(database: Database, question: PerformanceQuestion, rows: _Rows) -> Curves:
    if not question.with_curves:
        return Curves()
    return await performance_curves(
        database, rows.sql, rows.parameters, rows.task, threshold=question.threshold, costs=question.costs
    )


async def _segments(
    database: Database, question: PerformanceQuestion, rows: _Rows, curve: ArrivalCurve | None
) -> list[Part] | None:
    asked = question.segmenting
    if asked is None:
        return None
    if asked.name == VARIANT and not asked.is_feature:
        found = await _variants(database, question, rows.task)
        return [_segment_part(Segment("value", name), each, ages, question.now_ns, curve) for name, each, ages in found]
    how = await cut(database, asked, rows.made, rows.parameters, question.outcomes.span)
    measured = await measure(
        database,
        how.told_apart(rows.sql, rows.made),
        {**rows.parameters, **how.parameters},
        rows.task,
        [SEGMENT],
        wanted=_wanted(question, rows.task, of_parts=True),
    )
    ages = await _ages(database, question, replace(rows, made=how.rows(rows.made)), SEGMENT, how.parameters)
    by_key = {str(each.group[0]): each for each in measured}
    ordered = segment_order([(key, each.predictions) for key, each in by_key.items()], how)
    return [_segment_part(how.segment(key), by_key[key], ages.get(key, []), question.now_ns, curve) for key in ordered]


async def _ages(
    database: Database, question: PerformanceQuestion, rows: _Rows, group: str, parameters: Mapping[str, Any]
) -> dict[str, list[tuple[TimeRange, int]]]:
    """When the predictions of each group were made, in bins of their age, and how many."""
    sql = f"SELECT {group} AS Key, {_AGE} AS Age, count()\nFROM {rows.made}\nGROUP BY Key, Age"
    ages: dict[str, list[tuple[TimeRange, int]]] = defaultdict(list)
    for key, number, count in await database.fetch(Query(sql, {**rows.parameters, **parameters})):
        ages[str(key)].append((made_in(int(number), question.now_ns), int(count)))
    return ages


def _wanted(question: PerformanceQuestion, task: str, *, of_parts: bool = False) -> frozenset[str]:
    known = figures_of(task)
    if question.wanted is None:
        return known - CALIBRATION if of_parts else known
    unknown = sorted(question.wanted - known)
    if unknown:
        raise bad_field("metrics", f"a {task} model has no {unknown[0][:80]!r}; there are {', '.join(sorted(known))}")
    return question.wanted


def _bucket(buckets: Buckets) -> str:
    return buckets.expression("Timestamp")


async def _variants(
    database: Database, question: PerformanceQuestion, task: str
) -> list[tuple[str, Measured, list[tuple[TimeRange, int]]]]:
    # Rows of one variant are chosen by the key they are sorted by, so each variant is measured by itself.
    values = {**question.outcomes.parameters(), "most": MOST_VALUES}
    names = [str(row[0]) for row in await database.fetch(Query(_VARIANTS, values))]
    found = []
    for name in names:
        outcomes = replace(question.outcomes, variant=name)
        rows = await _find_rows(database, question, outcomes, task)
        wanted = _wanted(question, task, of_parts=True)
        (measured,) = await measure(database, rows.sql, rows.parameters, task, wanted=wanted)
        if measured.predictions:
            ages = await _ages(database, question, rows, "''", {})
            found.append((name, measured, ages[""]))
    return found


def _segment_part(
    segment: Segment,
    measured: Measured,
    ages: Sequence[tuple[TimeRange, int]],
    now_ns: int,
    curve: ArrivalCurve | None,
) -> Part:
    return Part(measured, maturity(curve, ages, now_ns, labels=measured.labels), segment=segment)


def _unmeasured(figures: frozenset[str] = frozenset()) -> Measured:
    return Measured((), 0, 0, {name: Figure(None, None, None, 0, NO_PREDICTION) for name in sorted(figures)})


def _nothing(question: PerformanceQuestion, left_out: Mapping[str, int]) -> Report:
    nothing = Part(_unmeasured(), Maturity.unknown(NO_PREDICTION))
    series = [replace(nothing, bucket=bucket) for bucket in question.buckets.all()]
    learned = Learned(None, history_span(question.now_ns))
    return Report(None, left_out, nothing, series, None if question.segmenting is None else [], learned)
