"""A figure of performance: a value with its interval and the rows it rests on, or the reason why there is none."""

import math
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.queries.performance.intervals import NO_INTERVAL, Interval

# With fewer labels than this any figure is mostly chance: the Wilson interval of a proportion of one half is then
# 0.4 wide or more.
LEAST: Final = 20

# Significant digits of a value, and of an interval's ends.
_DIGITS: Final = 12
_DIGITS_OF_ENDS: Final = 10

ONE_CLASS: Final = "only one class among the labels"
NO_LABEL: Final = "no label"
NO_PROBABILITY: Final = "no labelled prediction has a score from 0 to 1"
NO_SCORE: Final = "no labelled prediction has a score"
NOT_FINITE: Final = "the values are too large to compute with"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Args:
        value: What was measured; None where nothing can be said.
        low: Lower end of the 95 % interval; None where there is none.
        high: Its upper end.
        n: How many labelled predictions counted.
        reason: Why there is no value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    def without_interval(self) -> "Figure":
        """The same without its interval."""
        return Figure(self.value, None, None, self.n, self.reason)


def absent(n: int, reason: str) -> Figure:
    """A figure that can't be told."""
    return Figure(None, None, None, n, reason)


def known(value: float, n: int, interval: Interval = NO_INTERVAL) -> Figure:
    """A figure that was measured; numbers that overflowed are no figure."""
    if not math.isfinite(value):
        return absent(n, NOT_FINITE)
    low, high = interval
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return Figure(told(value), None, None, n)
    return Figure(told(value), told(low, _DIGITS_OF_ENDS), told(high, _DIGITS_OF_ENDS), n)


def told(value: float, digits: int = _DIGITS) -> float:
    """The value without its last digits: these depend on the order of summing, and the same rows give one answer."""
    return float(f"{value:.{digits}g}")


def too_few(n: int, labels: int, least: int, *, lacking: str = "no label could be read") -> Figure | None:
    """Why nothing is said of so few rows; None when they are enough.

    Args:
        n: How many labelled predictions count for the figure.
        labels: How many labelled predictions there are.
        least: The fewest that say anything.
        lacking: Why none of the labelled ones counts.
    """
    if labels == 0:
        return absent(0, NO_LABEL)
    if n == 0:
        return absent(0, lacking)
    if n < least:
        return absent(n, f"{n} {'label' if n == 1 else 'labels'}; {least} are the fewest that say anything")
    return None
