"""What evenly spaced quantiles say of a distribution."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def shares_below(quantiles: Sequence[float], value: float) -> tuple[float, float]:
    """Which shares lie below a value, and at it or below, by evenly spaced quantiles from the least to the greatest.

    Args:
        quantiles: ascending; at least two.
        value: finite.
    """
    last = len(quantiles) - 1
    left, right = bisect_left(quantiles, value), bisect_right(quantiles, value)
    if right - left > 1:  # so many quantiles in a row are this very value
        return (0.0 if left == 0 else (left - 0.5) / last, 1.0 if right > last else (right - 0.5) / last)
    if right == 0:
        return 0.0, 0.0
    if left > last:
        return 1.0, 1.0
    if right > left:
        return left / last, left / last
    before, after = quantiles[left - 1], quantiles[left]
    share = (left - 1 + (value - before) / (after - before)) / last
    return share, share
