"""Quantile sketches that merge: DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019) as ClickHouse has it.

Every quantile is within 1 % of the true one, but only for values of at least 1: ClickHouse rounds the logarithm of
smaller ones towards zero instead of down, which makes them up to 3 % too large. Seconds and scores are smaller, so what
is sketched is a billion times the value: a duration in nanoseconds, a score in billionths.

A sketch refuses what is not finite, and one that did fails every merge that it is in. So scores beyond 1.7e299, of
either sign, are sketched as that; a duration has 64 bits and stays far below.
"""

from typing import Final

SCALE: Final = 1_000_000_000
ERROR: Final = 0.01
LEVELS: Final = (0.5, 0.95, 0.99)
# The largest double is 1.797e308; a quantile that is 1 % too large stays below it too.
_MOST: Final = 1.7e308
MOST_SCORE: Final = _MOST / SCALE

_PARAMETERS: Final = f"({ERROR}, {', '.join(map(str, LEVELS))})"

DURATION_STATE: Final = f"quantilesDDState{_PARAMETERS}(toFloat64(Duration))"
# A score in billionths, as it is sketched.
SCORE: Final = f"greatest(-{_MOST}, least({_MOST}, assumeNotNull(Score) * {SCALE}))"
SCORE_STATE: Final = f"quantilesDDStateIf{_PARAMETERS}({SCORE}, Score IS NOT NULL)"


def merged_state(column: str) -> str:
    """SQL that merges sketches of a column to one."""
    return f"quantilesDDMergeState{_PARAMETERS}({column})"


def merged_quantile(level: float, state: str = "{}") -> str:
    """SQL for a quantile of merged sketches, in the unit of the value."""
    return f"quantilesDDMerge{_PARAMETERS}({state})[{LEVELS.index(level) + 1}] / {SCALE}"
