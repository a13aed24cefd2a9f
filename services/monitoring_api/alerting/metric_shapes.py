"""What a rule may ask of a metric, and what to say when it asks for something else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from services.monitoring_api.queries.slow_requests import slow_requests


@dataclass(frozen=True, slots=True)
class MetricShape:
    """The keys that a metric can be filtered and grouped by."""

    filters: frozenset[str]
    group_by: frozenset[str]


Catalogue: TypeAlias = Mapping[str, MetricShape]


def shape_of(catalogue: Catalogue, metric: str) -> MetricShape:
    """What the metric of that name can be asked.

    Raises:
        ValueError: When there is no such metric.
    """
    if metric in catalogue:
        return catalogue[metric]
    slow = slow_requests(metric)
    if slow is None:
        raise ValueError(
            f"unknown metric {metric!r}; there are: {_listed(catalogue)}, and slow_ratio_300ms and the like"
        )
    return MetricShape(frozenset(slow.source.dimensions), frozenset(slow.source.dimensions))


def check_filters(metric: str, shape: MetricShape, keys: Collection[str]) -> None:
    """Raise ValueError when the metric can't be filtered by some of the keys, naming them."""
    unknown = sorted(set(keys) - shape.filters)
    if unknown:
        raise ValueError(f"{metric} has no filter {_quoted(unknown)}; it has: {_listed(shape.filters)}")


def check_groups(metric: str, shape: MetricShape, keys: Collection[str]) -> None:
    """Raise ValueError when the metric can't be grouped by some of the keys, naming them."""
    unknown = [key for key in keys if key not in shape.group_by]
    if unknown:
        raise ValueError(f"{metric} can't be grouped by {_quoted(unknown)}, only by: {_listed(shape.group_by)}")


def _quoted(names: Collection[str]) -> str:
    return " or ".join(repr(name) for name in names)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
