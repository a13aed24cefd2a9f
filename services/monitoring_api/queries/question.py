"""A question about a metric, checked: everything a statement is built from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.filters import Filter, Operator, equal
from services.monitoring_api.queries.metric import Metric
from services.monitoring_api.queries.source import Dimension, Source
from services.monitoring_api.queries.timerange import TimeRange

_MOST_GROUPS = 4


@dataclass(frozen=True, slots=True)
class Question:
    """A metric over a range, for groups, under conditions.

    Args:
        metric: What to measure.
        span: When.
        group_by: Dimensions, one series for each combination of their values.
        conditions: Dimensions and the filters on them.
        kept: The groups that get a series of their own, by their values; all others become one. None: every group does.
        also: Metrics to measure on the same rows in the same statement.
        as_of_ns: Only what had arrived by then counts; None: all that there is.
    """

    metric: Metric
    span: TimeRange
    group_by: tuple[Dimension, ...]
    conditions: tuple[tuple[Dimension, Filter], ...]
    kept: tuple[tuple[str, ...], ...] | None = None
    also: tuple[Metric, ...] = ()
    as_of_ns: int | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that is measured."""
        return (self.metric, *self.also)

    @property
    def filters(self) -> list[Filter]:
        """The conditions."""
        return [each for _, each in self.conditions]

    def each(self) -> list[Self]:
        """A question about each metric by itself."""
        return [replace(self, metric=metric, also=()) for metric in self.metrics]

    def over(self, span: TimeRange) -> Self:
        """The same question about another range."""
        return replace(self, span=span)

    def keeping(self, groups: Sequence[tuple[str, ...]]) -> Self:
        """The same question, with a series for each of these groups and one for the rest."""
        return replace(self, kept=tuple(groups))

    def finished_grouping(self, step_seconds: int) -> frozenset[str] | None:
        """The grouping of the finished table that holds each bucket's figures as they are; None when none does.

        A dimension is told apart by it when the question groups by it or asks for one value of it.
        """
        rollup = self.metric.source.rollup
        if rollup is None or rollup.finished is None or self.kept is not None:
            return None
        if step_seconds not in {rollup.seconds, rollup.longer_seconds}:
            return None
        if self.metric.base.finished is None or any(metric.value.finished is None for metric in self.metrics):
            return None
        grouped = {dimension.name for dimension in self.group_by}
        filtered = {dimension.name: each.operator for dimension, each in self.conditions}
        if any(name not in grouped and operator is not Operator.EQUAL for name, operator in filtered.items()):
            return None
        grouping = frozenset(grouped | filtered.keys())
        return grouping if grouping in rollup.finished.groupings else None

    def tiers(self, buckets: Buckets | None) -> tuple[bool, bool]:
        """Whether the source's rollup may answer: its buckets, and its longer ones.

        They may when they know every dimension and figure and make up the step; None makes one bucket of all.
        """
        rollup = self.metric.source.rollup
        used = (*self.group_by, *(dimension for dimension, _ in self.conditions))
        if rollup is None or any(dimension.rollup is None for dimension in used):
            return False, False
        if any(metric.value.rollup is None for metric in self.metrics):
            return False, False
        told_apart = {dimension.name for dimension in self.group_by}
        told_apart |= {dimension.name for dimension, each in self.conditions if each.operator is Operator.EQUAL}
        if not all(told_apart.issuperset(metric.within) for metric in self.metrics):
            return False, False
        fine = not any(metric.value.longer_only for metric in self.metrics)
        if buckets is None:
            return fine, True
        return fine and buckets.made_of(rollup.seconds), buckets.made_of(rollup.longer_seconds)

    def exactly(self, metrics: int) -> Self:
        """The same question about its first metrics only: the bounds of others are not needed."""
        return replace(self, also=self.also[: metrics - 1])

    def bounding(self) -> Self:
        """The same question that also asks for the bounds of merged values, after all else."""
        bounds = (metric.bounding for metric in self.metrics)
        return replace(self, also=(*self.also, *(each for each in bounds if each is not None)))


def ask(
    metric: Metric,
    span: TimeRange,
    *,
    group_by: Sequence[str],
    filters: Sequence[Filter],
    also: Sequence[Metric] = (),
    as_of_ns: int | None = None,
) -> Question:
    """Check dimensions against the metric's and add its defaults.

    Args:
        metric: What to measure.
        span: When.
        group_by: Names of dimensions to tell apart.
        filters: Conditions, and-ed.
        also: Metrics of the same unit, measured on the same rows.
        as_of_ns: Only what had arrived by then counts.

    Raises:
        BadInput: Naming ``group_by`` or ``filter``, when the metric has no such dimension; ``metric``, when they can't
            be measured together; ``as_of``, when nothing tells when its rows arrived.
    """
    source = metric.source
    if as_of_ns is not None and source.arrived is None:
        raise bad_field("as_of", f"{metric.name} can't be asked as it was: nothing tells when its rows arrived")
    if len({metric.name, *(other.name for other in also)}) <= len(also):
        raise bad_field("metric", "names a metric twice")
    for other in also:
        if (other.unit, other.source, other.base) != (metric.unit, source, metric.base):
            raise bad_field(
                "metric",
                f"{metric.name} and {other.name} differ in unit or in the rows they rest on; ask for each by itself",
            )
    if len(group_by) > _MOST_GROUPS:
        raise bad_field("group_by", f"more than {_MOST_GROUPS} dimensions")
    if len(set(group_by)) < len(group_by):
        raise bad_field("group_by", "names a dimension twice")
    groups = tuple(_dimension(source, metric, name, field="group_by") for name in group_by)
    conditions = [(_dimension(source, metric, each.key, field="filter"), each) for each in filters]
    said = {*group_by, *(each.key for each in filters)}
    conditions += [
        (source.dimensions[name], equal(name, value)) for name, value in source.defaults.items() if name not in said
    ]
    if any("\0" in value for _, each in conditions for value in each.values):
        raise bad_field("filter", "holds a NUL character")
    return Question(metric, span, groups, tuple(conditions), also=tuple(also), as_of_ns=as_of_ns)


def condition_sql(column: str, condition: Filter, name: str) -> str:
    """One filter as SQL over a column; the value stays a parameter of that name."""
    match condition.operator:
        case Operator.EQUAL:
            return f"{column} = {{{name}:String}}"
        case Operator.NOT_EQUAL:
            return f"{column} != {{{name}:String}}"
        case Operator.PREFIX:
            return f"startsWith({column}, {{{name}:String}})"
        case Operator.IN:
            return f"{column} IN {{{name}:Array(String)}}"
        case Operator.NOT_IN:
            return f"{column} NOT IN {{{name}:Array(String)}}"


def condition_value(condition: Filter) -> str | list[str]:
    """What `condition_sql`'s parameter is."""
    if condition.operator in {Operator.IN, Operator.NOT_IN}:
        return list(condition.values)
    return condition.values[0]


def _dimension(source: Source, metric: Metric, name: str, *, field: str) -> Dimension:
    dimension = source.dimensions.get(name)
    if dimension is None:
        raise bad_field(field, f"{metric.name} has no dimension {name[:80]!r}; it has {', '.join(source.dimensions)}")
    return dimension
