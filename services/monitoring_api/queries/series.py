"""The statement behind every metric: its two measures by bucket and group, from the rollup, raw rows, or both."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from services.monitoring_api.database import Query
from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.plan import Plan
from services.monitoring_api.queries.question import Question, condition_sql, condition_value
from services.monitoring_api.queries.source import Measure, Rollup
from services.monitoring_api.queries.timerange import TimeRange


class SeriesRow(NamedTuple):
    """One bucket of one group."""

    bucket: int
    value: float | None
    base: float
    group: tuple[str, ...]

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read a row of `series_query`."""
        bucket, value, base, *group = row
        return cls(int(bucket), None if value is None else float(value), float(base), tuple(map(str, group)))


def series_query(question: Question, plan: Plan, buckets: Buckets | None, *, most_rows: int) -> Query:
    """Both measures of the question's metric by bucket and group.

    Args:
        question: What is asked.
        plan: Which pieces of the range come from where; raw only unless the source has a rollup.
        buckets: How the range is cut; None makes one bucket, 0, of all of it.
        most_rows: Rows after which the answer is cut off.
    """
    measures = _distinct((question.metric.value, question.metric.base))
    if plan.rollup and question.metric.source.rollup is not None:
        pieces = [_rollup_piece(question, question.metric.source.rollup, plan.rollup, buckets, measures)]
        if plan.raw:
            pieces.append(_raw_piece(question, plan.raw, buckets, [_state(measure) for measure in measures]))
        columns = _columns(question, measures, {measure: measure.merge for measure in measures})
        body = "\n    UNION ALL\n".join(pieces)
        rows = f"(\n{body}\n)"
        sql = f"SELECT {', '.join(['Bucket', *columns])}\nFROM {rows}\nGROUP BY {_keys(question)}"
    else:
        exact = [f"{measure.exact or measure.raw} AS {measure.name}" for measure in measures]
        columns = _columns(question, measures, dict.fromkeys(measures, "{}"))
        rows = f"(\n{_raw_piece(question, plan.raw, buckets, exact)}\n)"
        sql = f"SELECT {', '.join(['Bucket', *columns])}\nFROM {rows}"
    sql += f"\nORDER BY {_keys(question)}\nLIMIT {{most_rows:UInt64}}"
    return Query(sql, {**_parameters(question, plan, buckets), "most_rows": most_rows})


def _raw_piece(question: Question, pieces: Iterable[TimeRange], buckets: Buckets | None, measures: list[str]) -> str:
    source = question.metric.source
    bucket = buckets.expression(source.time) if buckets else "toUInt32(0)"
    when = []
    for number, _ in enumerate(pieces):
        start = f"fromUnixTimestamp64Nano({{raw_{number}_from:Int64}}, 'UTC')"
        end = f"fromUnixTimestamp64Nano({{raw_{number}_to:Int64}}, 'UTC')"
        piece = f"{source.time} >= {start} AND {source.time} < {end}"
        if source.minute is not None:
            # Implied by the time; said for the index, which knows minutes.
            piece += f" AND {source.minute} >= toStartOfMinute({start}) AND {source.minute} <= toStartOfMinute({end})"
        when.append(f"({piece})")
    dimensions = [f"toString({dimension.raw}) AS G{n}" for n, dimension in enumerate(question.group_by)]
    return _select(
        [f"{bucket} AS Bucket", *dimensions, *measures],
        source.rows,
        [" OR ".join(when), *source.where, *_conditions(question, raw=True)],
        _keys(question),
    )


def _rollup_piece(
    question: Question, rollup: Rollup, pieces: Iterable[TimeRange], buckets: Buckets | None, measures: list[Measure]
) -> str:
    bucket = buckets.expression("Minute") if buckets else "toUInt32(0)"
    when = [
        f"(Minute >= toDateTime({{rollup_{n}_from:UInt32}}, 'UTC')"
        f" AND Minute < toDateTime({{rollup_{n}_to:UInt32}}, 'UTC'))"
        for n, _ in enumerate(pieces)
    ]
    dimensions = [f"toString({dimension.rollup}) AS G{n}" for n, dimension in enumerate(question.group_by)]
    return _select(
        [f"{bucket} AS Bucket", *dimensions, *(f"{measure.rollup} AS {measure.name}" for measure in measures)],
        f"{rollup.table} FINAL",
        [" OR ".join(when), *_conditions(question, raw=False)],
        _keys(question),
    )


def _select(columns: Sequence[str], rows: str, conditions: Sequence[str], keys: str) -> str:
    where = "\n        AND ".join(f"({condition})" for condition in conditions)
    # Columns, rows and keys are texts of ours; what people give is bound.
    return f"    SELECT {', '.join(columns)}\n    FROM {rows}\n    WHERE {where}\n    GROUP BY {keys}"  # noqa: S608


def _state(measure: Measure) -> str:
    return f"{measure.raw} AS {measure.name}"


def _distinct(measures: Iterable[Measure]) -> list[Measure]:
    return list({measure.name: measure for measure in measures}.values())


def _columns(question: Question, measures: list[Measure], merges: dict[Measure, str]) -> list[str]:
    by_name = {measure.name: merges[measure].format(measure.name) for measure in measures}
    groups = [f"G{number}" for number, _ in enumerate(question.group_by)]
    return [by_name[question.metric.value.name], by_name[question.metric.base.name], *groups]


def _keys(question: Question) -> str:
    return ", ".join(["Bucket", *(f"G{number}" for number, _ in enumerate(question.group_by))])


def _conditions(question: Question, *, raw: bool) -> list[str]:
    return [
        condition_sql(dimension.raw if raw else str(dimension.rollup), condition, f"filter_{number}")
        for number, (dimension, condition) in enumerate(question.conditions)
    ]


def _parameters(question: Question, plan: Plan, buckets: Buckets | None) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(buckets.parameters()) if buckets else {}
    for number, piece in enumerate(plan.raw):
        parameters[f"raw_{number}_from"] = piece.start_ns
        parameters[f"raw_{number}_to"] = piece.end_ns
    for number, piece in enumerate(plan.rollup):
        parameters[f"rollup_{number}_from"] = piece.start_ns // 1_000_000_000
        parameters[f"rollup_{number}_to"] = piece.end_ns // 1_000_000_000
    if "{from_ns:" in question.metric.source.rows:
        parameters |= {"from_ns": question.span.start_ns, "to_ns": question.span.end_ns}
    for number, (_, condition) in enumerate(question.conditions):
        parameters[f"filter_{number}"] = condition_value(condition)
    return parameters
