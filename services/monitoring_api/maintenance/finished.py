"""Figures that need no merging when they are asked for: computed from the sketches of minutes and of quarters."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.monitoring_api.maintenance.computation import BUCKETS, COMPUTED_AT, Computation
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.source import Source


def finished(
    source: Source, *, table: str, seconds: int, counted: str, sketched: str, percentiles: Mapping[str, float]
) -> Computation:
    """One row for each bucket and group of every grouping that the source declares.

    Args:
        source: Whose figures.
        table: Where the buckets' sketches are.
        seconds: How long a bucket of it is.
        counted: The column with the number of rows that the percentiles rest on.
        sketched: The column with the sketch.
        percentiles: Which percentile goes into which column.
    """
    target = source.finished
    told_apart = sorted(frozenset().union(*target.groupings))
    columns = {name: str(source.dimensions[name].rollup) for name in told_apart}
    groupings = ", ".join(f"('{target.name(each)}', {_names(each)})" for each in target.groupings)
    groups = [f"if(has(Grouping.2, '{name}'), {column}, '') AS By{column}" for name, column in columns.items()]
    figures = [sketch.merged_quantile(level, sketched) for level in percentiles.values()]
    keys = ", ".join(["GroupedBy", "Minute", *(f"By{column}" for column in columns.values())])
    compute = f"""INSERT INTO {target.table}
    (Seconds, GroupedBy, Minute, {", ".join(columns.values())}, {counted}, {", ".join(percentiles)}, ComputedAt)
SELECT
    {seconds}, Grouping.1 AS GroupedBy, Minute, {", ".join(groups)}, sum({counted}) AS Rows,
    {", ".join(figures)}, {COMPUTED_AT}
FROM
(
    SELECT *, arrayJoin([{groupings}]) AS Grouping
    FROM {table} FINAL
    WHERE Minute IN {BUCKETS}
        AND Minute >= toDateTime({{first:UInt32}}, 'UTC')
        AND Minute < toDateTime({{end:UInt32}}, 'UTC')
        AND {counted} > 0
)
GROUP BY {keys}"""  # noqa: S608  (names of ours)
    return Computation(target.table, seconds, compute, among=f"Seconds = {seconds}")


def _names(grouping: Sequence[str] | frozenset[str]) -> str:
    return "[{}]::Array(String)".format(", ".join(f"'{name}'" for name in sorted(grouping)))


DURATIONS: Final[Mapping[str, float]] = {f"DurationP{level * 100:.0f}": level for level in sketch.LEVELS}
SCORES: Final[Mapping[str, float]] = {f"ScoreP{level * 100:.0f}": level for level in (0.5, 0.95)}
