"""Confidence intervals of 95 % from counts and sums: the same rows give the same interval, for nothing is drawn."""

import math
from collections.abc import Hashable, Iterable, Mapping
from statistics import NormalDist
from typing import Final, TypeVar

from services.monitoring_api.queries.performance.pairs import PairCounts

_Cell = TypeVar("_Cell", bound=Hashable)
Interval = tuple[float, float] | tuple[None, None]
NO_INTERVAL: Final[tuple[None, None]] = (None, None)
LEVEL: Final = 0.95
Z: Final = NormalDist().inv_cdf((1 + LEVEL) / 2)


def wilson(hits: float, n: float) -> Interval:
    """Of a proportion, by its score test.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927; agrees with
    statsmodels' ``proportion_confint(method="wilson")``.
    """
    if n <= 0:
        return NO_INTERVAL
    share = hits / n
    width = 1 + Z * Z / n
    centre = (share + Z * Z / (2 * n)) / width
    half = Z / width * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    # At 0 and at n hits the ends are exactly 0 and 1, which rounding would miss.
    return (0.0 if hits == 0 else max(0.0, centre - half)), (1.0 if hits == n else min(1.0, centre + half))


def mean_of_shares(shares: Iterable[tuple[float, float]]) -> Interval:
    """Of the mean of independent proportions, each given as (hits, n): square-and-add of their Wilson intervals.

    Source: Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine
    17, 1998 (method 10); for any linear combination: Zou and Donner, Construction of confidence limits about effect
    measures, Statistics in Medicine 27, 2008.
    """
    mean, below, above, count = 0.0, 0.0, 0.0, 0
    for hits, n in shares:
        low, high = wilson(hits, n)
        if low is None or high is None:
            return NO_INTERVAL
        mean, count = mean + hits / n, count + 1
        below, above = below + (hits / n - low) ** 2, above + (high - hits / n) ** 2
    if count == 0:
        return NO_INTERVAL
    return (mean - math.sqrt(below)) / count, (mean + math.sqrt(above)) / count


def f1_of(tp: float, fp: float, fn: float) -> Interval:
    """Of F1, which is 2J / (1 + J) of the proportion J = TP / (TP + FP + FN): J's Wilson interval, carried over.

    Source: Wilson 1927 (see `wilson`); that F1 (Dice) and J (Jaccard) grow with each other: van Rijsbergen, Information
    Retrieval, 1979, chapter 7.
    """
    low, high = wilson(tp, tp + fp + fn)
    if low is None or high is None:
        return NO_INTERVAL
    return 2 * low / (1 + low), 2 * high / (1 + high)


def normal(mean: float, variance: float, n: float, *, floor: float = -math.inf, ceiling: float = math.inf) -> Interval:
    """Of a mean, by the central limit theorem, cut to where the figure can lie.

    Args:
        mean: The mean.
        variance: The sample's variance (divided by n - 1).
        n: How many values.
        floor: The least the figure can be.
        ceiling: The most.

    Source: any textbook; agrees with statsmodels' ``DescrStatsW.zconfint_mean``.
    """
    if n < 2 or not variance >= 0:  # noqa: PLR2004  (one value has no variance)
        return NO_INTERVAL
    half = Z * math.sqrt(variance / n)
    return max(floor, mean - half), min(ceiling, mean + half)


def around(value: float, variance: float, *, floor: float, ceiling: float) -> Interval:
    """Of an estimate whose own variance is known; none where that is 0, for then nothing is known of it.

    Source: the delta method, e.g. van der Vaart, Asymptotic Statistics, 1998, chapter 3.
    """
    if not variance > 0:
        return NO_INTERVAL
    half = Z * math.sqrt(variance)
    return max(floor, value - half), min(ceiling, value + half)


def on_logit(value: float, variance: float) -> Interval:
    """Of an estimate between 0 and 1 with its own variance: normal on the scale of log odds, so it stays between them.

    Source: Boyd, Eng and Page, Area under the precision-recall curve: point estimates and confidence intervals, ECML
    PKDD 2013 (the logit interval); the delta method for the scale.
    """
    if not 0 < value < 1 or not variance > 0:
        return NO_INTERVAL
    odds = math.log(value / (1 - value))
    half = Z * math.sqrt(variance) / (value * (1 - value))
    return _logistic(odds - half), _logistic(odds + half)


def on_fisher_z(value: float, variance: float) -> Interval:
    """Of a correlation with its own variance: normal on Fisher's scale, so it stays between -1 and 1.

    Source: for the Matthews correlation Itaya, Tamura, Hayashi and Yamamoto, Asymptotic properties of Matthews
    correlation coefficient, Statistics in Medicine 44, 2025, who found it better than the plain one.
    """
    if not -1 < value < 1 or not variance > 0:
        return NO_INTERVAL
    half = Z * math.sqrt(variance) / (1 - value * value)
    return math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half)


def delong(pairs: PairCounts) -> Interval:
    """Of ROC AUC, without assumptions on how scores are distributed.

    Source: see `delong_variance`. None where one class has a single row, or where the classes are fully apart: then the
    variance is 0, which is not to say that the AUC is certain.
    """
    return around(pairs.auc, delong_variance(pairs), floor=0.0, ceiling=1.0)


def delong_variance(pairs: PairCounts) -> float:
    """Variance of ROC AUC from sums of doubled placements; not a number where one class has a single row.

    Source: DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated ROC curves, Biometrics
    44, 1988; by mid-ranks as Sun and Xu, Fast implementation of DeLong's algorithm, IEEE Signal Processing Letters 21,
    2014.
    """
    m, n = pairs.positives, pairs.negatives
    if m < 2 or n < 2:  # noqa: PLR2004  (one value has no variance)
        return math.nan
    # Whole numbers up to the last division, so nothing cancels.
    of_positives = (m * pairs.positive_squares - pairs.positive_sum**2) / (4 * m * m * (m - 1) * n * n)
    of_negatives = (n * pairs.negative_squares - pairs.negative_sum**2) / (4 * n * n * (n - 1) * m * m)
    return of_positives + of_negatives


def multinomial_variance(counts: Mapping[_Cell, int], slopes: Mapping[_Cell, float]) -> float:
    """Variance of a smooth function of a table's cell shares, given its slope by each share (the delta method).

    Source: Agresti, Categorical Data Analysis, 3rd edition 2013, section 16.1; for macro F1 Takahashi, Yamamoto,
    Kuchiba and Koyama, Confidence interval for micro-averaged F1 and macro-averaged F1 scores, Applied Intelligence
    52, 2022.

    Args:
        counts: Rows in each cell.
        slopes: The function's slope by each cell's share.
    """
    total = sum(counts.values())
    mean = sum(count * slopes[cell] for cell, count in counts.items()) / total
    return sum(count * (slopes[cell] - mean) ** 2 for cell, count in counts.items()) / total**2


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))
