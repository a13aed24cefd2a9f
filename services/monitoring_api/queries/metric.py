"""What a metric is."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Self

from services.monitoring_api.queries.source import Measure, Source


class Kind(StrEnum):
    """How a metric's value comes from its measures."""

    RATE = "rate"  # value / seconds; nothing measured is 0
    RATIO = "ratio"  # value / base
    MEAN = "mean"  # value / base
    QUANTILE = "quantile"  # value as it is


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue.

    Args:
        name: What people ask for.
        unit: UCUM-like: ``s``, ``1`` (a ratio or score), ``1/s``.
        description: One sentence.
        kind: How the value is made.
        source: What it is measured on.
        value: The measure on top.
        base: How many rows it rests on, and the divisor of ratios and means.
        most: The largest value there can be, where small clock differences could show more.
        least: The fewest rows that the value means anything for; it is None for fewer.
        bound: How far a merged value may be from the exact one, where that depends on the rows.
        needs_labels: Whether it says nothing before labels have come.
        within: Dimensions that must be told apart, or asked for by one value, for states to merge.
    """

    name: str
    unit: str
    description: str
    kind: Kind
    source: Source
    value: Measure
    base: Measure
    most: float | None = None
    least: int = 0
    bound: Measure | None = None
    within: tuple[str, ...] = ()
    needs_labels: bool = False

    def of(self, value: float | None, base: float, *, seconds: float) -> float | None:
        """The metric's value; None where there is nothing to measure.

        Args:
            value: The merged ``value`` measure.
            base: The merged ``base`` measure.
            seconds: How long the bucket is.
        """
        if self.kind is Kind.RATE:
            return (value or 0) / seconds
        if not base or base < self.least or value is None:
            return None
        found = value if self.kind is Kind.QUANTILE else value / base
        if not isfinite(found):
            return None
        return found if self.most is None else min(found, self.most)

    @property
    def bounding(self) -> Self | None:
        """The metric whose values are this one's bounds."""
        if self.bound is None:
            return None
        return replace(self, name=f"{self.name}.bound", value=self.bound, least=0, bound=None)

    @property
    def sums_up(self) -> bool:
        """Whether the figures of two groups together are the sums of theirs."""
        return self.kind is not Kind.QUANTILE and self.value.is_sum and self.base.is_sum

    @property
    def empty(self) -> float | None:
        """The value of a bucket without rows."""
        return 0.0 if self.kind is Kind.RATE else None
