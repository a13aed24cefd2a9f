"""Quantile sketches that merge: DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019) as ClickHouse has it.

Every quantile is within 1 % of the true one, but only for values of at least 1: ClickHouse rounds the logarithm of
smaller ones towards zero instead of down, which makes them up to 3 % too large. Seconds and scores are smaller, so what
is sketched is a billion times the value: a duration in nanoseconds, a score in billionths.
"""

from typing import Final

SCALE: Final = 1_000_000_000
ERROR: Final = 0.01
LEVELS: Final = (0.5, 0.95, 0.99)

_PARAMETERS: Final = f"({ERROR}, {', '.join(map(str, LEVELS))})"

DURATION_STATE: Final = f"quantilesDDState{_PARAMETERS}(toFloat64(Duration))"
SCORE_STATE: Final = f"quantilesDDStateIf{_PARAMETERS}(assumeNotNull(Score) * {SCALE}, Score IS NOT NULL)"


def merged_state(column: str) -> str:
    """SQL that merges sketches of a column to one."""
    return f"quantilesDDMergeState{_PARAMETERS}({column})"


def merged_quantile(level: float, state: str = "{}") -> str:
    """SQL for a quantile of merged sketches, in the unit of the value."""
    return f"quantilesDDMerge{_PARAMETERS}({state})[{LEVELS.index(level) + 1}] / {SCALE}"
