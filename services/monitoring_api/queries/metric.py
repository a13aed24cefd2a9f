"""What a metric is."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

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
    """

    name: str
    unit: str
    description: str
    kind: Kind
    source: Source
    value: Measure
    base: Measure
    most: float | None = None

    def of(self, value: float | None, base: float, *, seconds: float) -> float | None:
        """The metric's value; None where there is nothing to measure.

        Args:
            value: The merged ``value`` measure.
            base: The merged ``base`` measure.
            seconds: How long the bucket is.
        """
        if self.kind is Kind.RATE:
            return (value or 0) / seconds
        if not base or value is None:
            return None
        found = value if self.kind is Kind.QUANTILE else value / base
        if not isfinite(found):
            return None
        return found if self.most is None else min(found, self.most)

    @property
    def sums_up(self) -> bool:
        """Whether the figures of two groups together are the sums of theirs."""
        return self.kind is not Kind.QUANTILE and self.value.is_sum and self.base.is_sum

    @property
    def empty(self) -> float | None:
        """The value of a bucket without rows."""
        return 0.0 if self.kind is Kind.RATE else None
