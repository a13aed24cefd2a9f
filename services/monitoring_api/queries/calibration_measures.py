"""How well scores agree with what happened, as figures of rows: calibration errors and the Brier score's parts.

They are those of `services.monitoring_api.queries.performance.calibration`, which names their sources.
"""

from typing import Final

from services.monitoring_api.queries.performance.bins import BINS
from services.monitoring_api.queries.source import Measure

# Rows whose score is a probability of a class that a label tells.
PROBABLE: Final = "ifNull(Actual IS NOT NULL AND Score >= 0 AND Score <= 1, false)"

# From 0 to 1, each with its upper end, as `bins.Binning` says.
_WIDTH_BIN: Final = " + ".join(f"(assumeNotNull(Score) > {number * (1 / BINS)!r})" for number in range(1, BINS))
_GAPS: Final = (
    f"tupleElement(sumMapIf([toUInt8({_WIDTH_BIN})], "
    f"[assumeNotNull(Score) - toFloat64(assumeNotNull(Actual))], {PROBABLE}), 2)"
)

# Score and class as one number, in the order of the scores: doubles from 0 on are ordered as their bits are.
_KEYS: Final = (
    "arraySort(groupArrayIf(bitOr(bitShiftLeft(reinterpretAsUInt64(assumeNotNull(Score) + 0.0), 1), "
    f"toUInt64(assumeNotNull(Actual))), {PROBABLE}))"
)
_SCORES: Final = f"arrayMap(key -> reinterpretAsFloat64(bitShiftRight(key, 1)), {_KEYS})"
_HITS: Final = f"arrayMap(key -> bitAnd(key, 1), {_KEYS})"
# How many rows come before the first one with the same score.
_BEFORE: Final = (
    "arrayFill((place, score, earlier) -> score != earlier, "
    f"arrayMap(place -> place - 1, arrayEnumerate({_KEYS})), {_SCORES}, arrayPushFront(arrayPopBack({_SCORES}), nan))"
)
# Of the bins of equal mass that hold rows: their numbers, hits, sums of scores, and sizes.
_BY_MASS: Final = (
    "arrayReduce('sumMap', "
    f"arrayMap((place, key) -> [intDiv({BINS} * place, length({_KEYS}))], {_BEFORE}, {_KEYS}), "
    f"arrayMap(hit -> [toUInt64(hit)], {_HITS}), arrayMap(score -> [score], {_SCORES}), "
    f"arrayMap(hit -> [toUInt64(1)], {_HITS}))"
)
_OF_BINS: Final = ", ".join(f"tupleElement({_BY_MASS}, {number})" for number in (2, 3, 4))
_N: Final = f"countIf({PROBABLE})"
_SHARE: Final = f"avgIf(toFloat64(assumeNotNull(Actual)), {PROBABLE})"


def _of_rows(name: str, exact: str) -> Measure:
    """A figure that only rows can tell: no rollup holds what it needs."""
    return Measure(name, "toUInt8(0)", exact=f"if({_N} = 0, nan, {exact})")


def _of_bins(name: str, term: str) -> Measure:
    return _of_rows(name, f"arraySum((hits, score, n) -> {term}, {_OF_BINS}) / {_N}")


ECE_EQUAL_WIDTH: Final = _of_rows("ece_equal_width", f"arraySum(gap -> abs(gap), {_GAPS}) / {_N}")
ECE_EQUAL_MASS: Final = _of_bins("ece_equal_mass", "abs(score - hits)")
BRIER_RELIABILITY: Final = _of_bins("brier_reliability", "n * pow(score / n - hits / n, 2)")
BRIER_RESOLUTION: Final = _of_bins("brier_resolution", f"n * pow(hits / n - {_SHARE}, 2)")
BRIER_UNCERTAINTY: Final = _of_rows("brier_uncertainty", f"{_SHARE} * (1 - {_SHARE})")
