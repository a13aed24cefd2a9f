"""Which of many tests to believe."""

import math
from collections.abc import Sequence
from typing import Final

# What is found at most so often in vain.
Q: Final = 0.05
_EULER: Final = 0.5772156649015329
_SUMMED: Final = 10_000


def q_values(p_values: Sequence[float], weights: Sequence[float], searched: int) -> list[float]:
    """The false discovery rate at which each test would be believed.

    Benjamini and Yekutieli (2001), which holds whatever the tests have to do with each other: those here are
    of the same cases, and of values that exclude or contain each other. Weighted as in Genovese, Roeder and Wasserman
    (2006), so that one family with many tests does not take all that may be found from another. With equal weights it
    agrees with statsmodels' ``fdr_by``.

    Args:
        p_values: Of the tests that are worth looking at; those left out count as 1.
        weights: Of each; over all that was searched their mean is 1.
        searched: How many tests there were, also those left out.
    """
    # The harmonic number of what was searched, to ten digits.
    penalty = sum(1 / n for n in range(1, min(searched, _SUMMED) + 1))
    if searched > _SUMMED:
        penalty = math.log(searched) + _EULER + 1 / (2 * searched)
    weighted = [p / weight for p, weight in zip(p_values, weights, strict=True)]
    order = sorted(range(len(weighted)), key=weighted.__getitem__, reverse=True)
    found = [1.0] * len(weighted)
    least = 1.0
    for place, index in enumerate(order):
        rank = len(order) - place
        least = min(least, weighted[index] * searched * penalty / rank)
        found[index] = least
    return found
