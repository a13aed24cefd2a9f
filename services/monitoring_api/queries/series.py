"""The statements behind every metric: its two measures by bucket and group, from the rollup, raw rows, or both."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self

from services.monitoring_api.database import Query
from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.pieces import AS_OF, EVER_US, either, in_buckets, in_raw, piece_parameters
from services.monitoring_api.queries.plan import Plan
from services.monitoring_api.queries.question import Question, condition_sql, condition_value
from services.monitoring_api.queries.source import Measure

# What columns are called where statements are united: each metric's figure, and that which all rest on.
_FIGURE: Final = "Figure{}"
_BASE: Final = "Base"


class Cut(Protocol):
    """How a range is cut into buckets."""

    def expression(self, column: str) -> str:
        """SQL for the key of the bucket that a time lies in."""
        ...

    def parameters(self) -> Mapping[str, int]:
        """The values that it needs."""
        ...


class SeriesRow(NamedTuple):
    """One bucket of one group; ``other`` is the group that all groups make which are not kept."""

    bucket: int
    value: float | None
    base: float
    other: bool
    group: tuple[str, ...]

    @classmethod
    def all_of(cls, rows: Sequence[Sequence[Any]], metrics: int = 1) -> list[list[Self]]:
        """Read the answer to `series_query`: the rows of each of so many metrics."""
        make, base = cls._make, metrics + 1
        if metrics == 1:  # by far the most common, and there may be a hundred thousand rows
            return [[make((bucket, value, under, other, tuple(group))) for bucket, value, under, other, *group in rows]]
        return [
            [make((row[0], row[n], row[base], row[base + 1], tuple(row[base + 2 :]))) for row in rows]
            for n in range(1, base)
        ]


def series_query(
    question: Question, plan: Plan, buckets: Buckets | None, *, most_rows: int, finished: bool = False
) -> Query:
    """The measures of the question's metrics by bucket and group.

    Args:
        question: What is asked.
        plan: Which pieces of the range come from where; raw only unless the source has a rollup.
        buckets: How the range is cut; None makes one bucket, 0, of all of it.
        most_rows: Rows after which the answer is cut off.
        finished: Whether figures that need no merging may be taken where there are such.
    """
    grouping = question.finished_grouping(buckets.step.seconds) if buckets and finished else None
    if buckets is None or grouping is None:
        parts = [_merged(question, plan, buckets)]
    else:
        taken, rest = plan.split(buckets=buckets.step.seconds == question.metric.source.rolled_up.seconds)
        parts = [] if rest.is_empty else [_merged(question, rest, buckets)]
        parts += [] if taken.is_empty else [_finished(question, taken, buckets, grouping)]
    sql = parts[0] if len(parts) == 1 else "SELECT *\nFROM (\n{}\n)".format("\nUNION ALL\n".join(parts))
    if buckets is None:
        # Buckets of groups are put in order by whoever reads them: doing it here takes longer than reading them.
        sql += f"\nORDER BY {_keys(question)}"
    sql += "\nLIMIT {most_rows:UInt64}"
    return Query(sql, {**_parameters(question, plan, buckets), "most_rows": most_rows})


def figures_query(question: Question, plan: Plan, measures: Sequence[Measure], *, most_rows: int) -> Query:
    """Any measures of the question's rows by group, over all of its range: the figures, then the group's values.

    Args:
        question: What is asked; that its metrics measure something else does not matter.
        plan: Which pieces of the range come from where.
        measures: What to measure, each of the question's source.
        most_rows: Rows after which the answer is cut off.
    """
    rows, merged = _rows(question, plan, None, measures)
    names = _group_names(question)
    figures = [f"toFloat64({figure}) AS {_FIGURE.format(n)}" for n, figure in enumerate(merged)]
    sql = f"SELECT {', '.join([*figures, *names])}\nFROM {rows}"
    if not plan.is_exact:
        sql += f"\nGROUP BY {_keys(question)}"
    sql += f"\nORDER BY {', '.join(['Bucket', *names])}\nLIMIT {{most_rows:UInt64}}"
    return Query(sql, {**_parameters(question, plan, None), "most_rows": most_rows})


def states_query(question: Question, plan: Plan, cut: Cut, states: Mapping[str, str]) -> Query:
    """Rows by bucket and group, with states of aggregates for a statement around it to merge.

    Args:
        question: What is asked.
        plan: Which pieces of the range come from where; rows only.
        cut: How the range is cut.
        states: Names of the states, and SQL that makes them of rows.
    """
    sql = _raw_piece(question, plan, cut, [f"{state} AS {name}" for name, state in states.items()])
    return Query(sql, _parameters(question, plan, cut))


def ranking_query(question: Question, plan: Plan, *, most: int) -> Query:
    """The groups that rest on most rows, and how many groups there are.

    Args:
        question: What is asked, with at least one dimension to group by.
        plan: Which pieces of the range come from where.
        most: How many groups are wanted.
    """
    base = question.metric.base
    rows, (merged,) = _rows(question, plan, None, [base])
    names = _group_names(question)
    sql = f"SELECT count() OVER (), {', '.join(names)}\nFROM {rows}"
    if not plan.is_exact:
        sql += f"\nGROUP BY {_keys(question)}"
    sql += f"\nORDER BY {merged} DESC, {', '.join(names)}\nLIMIT {{most:UInt64}}"
    return Query(sql, {**_parameters(question, plan, None), "most": most})


def _merged(question: Question, plan: Plan, buckets: Buckets | None) -> str:
    """The figures of pieces whose rows have to be aggregated."""
    wanted = [*(metric.value for metric in question.metrics), question.metric.base]
    rows, merged = _rows(question, plan, buckets, wanted)
    figures = [f"toFloat64({figure}) AS {name}" for figure, name in zip(merged, _figure_names(question), strict=True)]
    other = "false AS Other" if question.kept is None else "Other"
    sql = f"SELECT {', '.join(['Bucket', *figures, other, *_group_names(question)])}\nFROM {rows}"
    return sql if plan.is_exact else f"{sql}\nGROUP BY {_keys(question)}"


def _finished(question: Question, plan: Plan, buckets: Buckets, grouping: frozenset[str]) -> str:
    """The figures of pieces that need no aggregation: one row is one bucket of one group."""
    figures = [*(metric.value.finished for metric in question.metrics), question.metric.base.finished]
    columns = [
        f"{buckets.expression('Minute')} AS Bucket",
        *(f"toFloat64({column}) AS {name}" for column, name in zip(figures, _figure_names(question), strict=True)),
        "false AS Other",
        *(f"toString({dimension.rollup}) AS G{n}" for n, dimension in enumerate(question.group_by)),
    ]
    table = question.metric.source.finished
    conditions = [
        f"Seconds = {buckets.step.seconds}",
        f"GroupedBy = '{table.name(grouping)}'",
        f"({in_buckets(rollup=plan.rollup, longer=plan.longer)})",
        *(f"({condition})" for condition in _conditions(question, raw=False)),
    ]
    return f"SELECT {', '.join(columns)}\nFROM {table.table} FINAL\nWHERE {' AND '.join(conditions)}"


def _rows(
    question: Question, plan: Plan, buckets: Buckets | None, measures: Sequence[Measure]
) -> tuple[str, list[str]]:
    """What to select from, and SQL for each measure's figure over it."""
    rollup = question.metric.source.rollup
    if plan.is_exact or rollup is None:
        exact = [f"{measure.exact or measure.raw} AS Exact{n}" for n, measure in enumerate(measures)]
        return f"(\n{_raw_piece(question, plan, buckets, exact)}\n)", [f"Exact{n}" for n in range(len(exact))]
    # Several percentiles come from one state, which has one name.
    states = list({measure.name: measure for measure in measures}.values())
    pieces = []
    if plan.longer:
        pieces.append(_rollup_piece(question, rollup.longer, in_buckets(longer=plan.longer), buckets, states))
    if plan.rollup:
        pieces.append(_rollup_piece(question, rollup.table, in_buckets(rollup=plan.rollup), buckets, states))
    if plan.raw or plan.prepared:
        pieces.append(_raw_piece(question, plan, buckets, [_state(measure) for measure in states], states=True))
    body = "\n    UNION ALL\n".join(pieces)
    return f"(\n{body}\n)", [measure.merge.format(measure.name) for measure in measures]


def _raw_piece(
    question: Question, plan: Plan, buckets: Cut | None, measures: list[str], *, states: bool = False
) -> str:
    source = question.metric.source
    bucket = buckets.expression(source.time) if buckets else "toUInt32(0)"
    when = in_raw(plan.raw, source.time, source.minute)
    dimensions = _groups(question, [dimension.raw for dimension in question.group_by])
    there = [] if question.as_of_ns is None or source.arrived is None else [f"{source.arrived} <= {AS_OF}"]
    conditions = [*there, *source.where, *_conditions(question, raw=True)]
    rows = source.rows
    if source.prepared is None:
        conditions = [when, *conditions]
    else:
        prepared = in_buckets(prepared=plan.prepared)
        rows, conditions = either(source.rows, when, source.prepared, prepared, conditions), ["1"]
    rows = source.states(rows) if states and source.states else rows
    return _select([f"{bucket} AS Bucket", *dimensions, *measures], rows, conditions, _keys(question))


def _rollup_piece(question: Question, table: str, when: str, buckets: Buckets | None, measures: list[Measure]) -> str:
    bucket = buckets.expression("Minute") if buckets else "toUInt32(0)"
    dimensions = _groups(question, [str(dimension.rollup) for dimension in question.group_by])
    return _select(
        [f"{bucket} AS Bucket", *dimensions, *(f"{measure.rollup} AS {measure.name}" for measure in measures)],
        f"{table} FINAL",
        [when, *_conditions(question, raw=False)],
        _keys(question),
    )


def _select(columns: Sequence[str], rows: str, conditions: Sequence[str], keys: str) -> str:
    where = "\n        AND ".join(f"({condition})" for condition in conditions)
    # Columns, rows and keys are texts of ours; what people give is bound.
    return f"    SELECT {', '.join(columns)}\n    FROM {rows}\n    WHERE {where}\n    GROUP BY {keys}"  # noqa: S608


def _state(measure: Measure) -> str:
    return f"{measure.raw} AS {measure.name}"


def _figure_names(question: Question) -> list[str]:
    return [*(_FIGURE.format(n) for n, _ in enumerate(question.metrics)), _BASE]


def _groups(question: Question, columns: Sequence[str]) -> list[str]:
    """The group of a row: its values, or that it is none of those that are kept."""
    values = [f"toString({column})" for column in columns]
    if question.kept is None:
        return [f"{value} AS G{n}" for n, value in enumerate(values)]
    kept = f"has({{kept:Array(Array(String))}}, [{', '.join(values)}])"
    return [f"toBool(NOT {kept}) AS Other", *(f"if(Other, '', {value}) AS G{n}" for n, value in enumerate(values))]


def _group_names(question: Question) -> list[str]:
    return [f"G{number}" for number, _ in enumerate(question.group_by)]


def _keys(question: Question) -> str:
    return ", ".join(["Bucket", *([] if question.kept is None else ["Other"]), *_group_names(question)])


def _conditions(question: Question, *, raw: bool) -> list[str]:
    return [
        condition_sql(dimension.raw if raw else str(dimension.rollup), condition, f"filter_{number}")
        for number, (dimension, condition) in enumerate(question.conditions)
    ]


def _parameters(question: Question, plan: Plan, buckets: Cut | None) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(buckets.parameters()) if buckets else {}
    parameters |= piece_parameters(plan)
    if question.kept is not None:
        parameters["kept"] = [list(group) for group in question.kept]
    if "{from_ns:" in question.metric.source.rows:
        parameters |= {"from_ns": question.span.start_ns, "to_ns": question.span.end_ns}
    if question.as_of_ns is not None:
        parameters["as_of_us"] = question.as_of_ns // 1000
    elif "{as_of_us:" in question.metric.source.rows:
        parameters["as_of_us"] = EVER_US
    for number, (_, condition) in enumerate(question.conditions):
        parameters[f"filter_{number}"] = condition_value(condition)
    return parameters
