"""What is aimed at, and whether a run reached it."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import Interval


@dataclass(frozen=True, slots=True)
class Target:
    """One ratio and the bound it should keep.

    Args:
        name: What is compared.
        bound: The most, or the least, that it may be.
        at_most: Which of the two.
    """

    name: str
    bound: float
    at_most: bool = True

    def verdict(self, interval: Interval) -> str:
        """`met`, `missed`, with a word when the interval reaches over the bound; `inconclusive` when it is too wide."""
        if not interval.conclusive:
            return "inconclusive"
        sides = {self._keeps(interval.low), self._keeps(interval.high)}
        met = "met" if self._keeps(interval.mean) else "missed"
        return met if len(sides) == 1 else f"{met}, but the interval has both sides"

    def line(self, paired: Sequence[float]) -> str:
        """Return the row of the report."""
        interval = Interval.of(paired)
        bound = f"{'<=' if self.at_most else '>='} {self.bound:.2f}"
        return f"{self.name:<58}{bound:>8}{interval.text():>24}  {self.verdict(interval)}"

    def _keeps(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound


TO_STOCK = 0.25
TO_LIGHT = 0.50
THROUGHPUT = {"demo": 0.70, "2ms": 0.90}
LATENCY = 1.15
