"""How well probabilities agree with what happened: the Brier score's parts, calibration errors, the reliability curve.

Only labelled rows with a score from 0 to 1 count. Calibration errors have no interval: they are means of absolute
values, so chance alone makes them positive, and neither a normal interval nor a bootstrap is right for them (Roelofs,
Cain, Shlens and Mozer, Mitigating bias in calibration error estimation, AISTATS 2022). `ece_by_chance` says instead how
much of one a model would show that is calibrated perfectly.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.performance.asked import Asked
from services.monitoring_api.queries.performance.bins import BINS, Bin, Binning, binned
from services.monitoring_api.queries.performance.figure import LEAST, NO_PROBABILITY, Figure, known, told, too_few
from services.monitoring_api.queries.performance.grouped import Group, Grouped
from services.monitoring_api.queries.performance.intervals import wilson

MOST_BINS: Final = 100
_PARTS: Final = (
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "brier_within_variance",
    "brier_within_covariance",
)
CALIBRATION: Final = frozenset(
    {*_PARTS, *(f"ece_{binning}{more}" for binning in Binning for more in ("", "_by_chance"))}
)


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """A bin of the reliability curve.

    Args:
        score: The mean score of its rows.
        share: How large a part of them is of the positive class.
        low: Lower end of that part's Wilson interval of 95 %.
        high: Its upper end.
        n: How many rows.
        from_score: The least score among them.
        to_score: The greatest.
    """

    score: float
    share: float
    low: float | None
    high: float | None
    n: int
    from_score: float
    to_score: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """A group's reliability curve.

    Args:
        group: The values of the groups' expressions.
        binning: How rows were put into bins.
        n: How many labelled rows with a score from 0 to 1 there are.
        points: The bins that hold rows, from the lowest; empty where they are too few to say anything.
        reason: Why there are no points.
    """

    group: Group
    binning: Binning
    n: int
    points: Sequence[ReliabilityPoint]
    reason: str | None = None


async def calibration(asked: Asked) -> dict[Group, dict[str, Figure]]:
    """The figures of calibration that are wanted, for each group that has rows with a score from 0 to 1.

    The parts of the Brier score are over the bins of equal mass.
    """
    answer: dict[Group, dict[str, Figure]] = {}
    for binning in Binning:
        of_parts = _PARTS if binning is Binning.EQUAL_MASS else ()
        if not asked.wants(f"ece_{binning}", f"ece_{binning}_by_chance", *of_parts):
            continue
        for group, bins in (await binned(asked.grouped, binning)).items():
            figures = answer.setdefault(group, {})
            figures[f"ece_{binning}"] = calibration_error(bins)
            figures[f"ece_{binning}_by_chance"] = error_by_chance(bins)
            if of_parts:
                figures |= brier_parts(bins)
    return answer


async def reliability(
    database: Database,
    rows: str,
    parameters: Mapping[str, Any],
    groups: Sequence[str] = (),
    *,
    binning: Binning = Binning.EQUAL_MASS,
    bins: int = BINS,
    least: int = LEAST,
) -> list[Reliability]:
    """The reliability curve of binary predictions, for each group that has labelled rows with a score from 0 to 1.

    Equal-width bins agree with scikit-learn's ``calibration_curve(strategy="uniform")``. Source: Murphy and Winkler,
    Reliability of subjective probability forecasts of precipitation and temperature, JRSS C 26, 1977; its intervals:
    `wilson`.

    Args:
        database: Whom to ask.
        rows: As for `measure`.
        parameters: As for `measure`.
        groups: As for `measure`; without any there is exactly one curve.
        binning: How rows are put into bins.
        bins: How many bins.
        least: The fewest rows that make a curve.

    Raises:
        BadInput: When there are too many bins, or none.
    """
    if not 1 <= bins <= MOST_BINS:
        raise bad_field("bins", f"must be 1 to {MOST_BINS}")
    found = await binned(Grouped(database, rows, parameters, tuple(groups)), binning, bins)
    if not groups and not found:
        found = {(): []}
    return [_curve(group, binning, each, least) for group, each in found.items()]


def brier_parts(bins: Sequence[Bin]) -> dict[str, Figure]:
    """The five parts of the Brier score, which sum to it (but for the twelfth digit) whatever the bins.

    The score is reliability - resolution + uncertainty + within-bin variance - within-bin covariance. Source: Murphy,
    A new vector partition of the probability score, Journal of Applied Meteorology 12, 1973, for the first three;
    Stephenson, Coelho and Jolliffe, Two extra components in the Brier score decomposition, Weather and Forecasting 23,
    2008, for the two that bins of more than one score need.
    """
    n = sum(each.n for each in bins)
    share = sum(each.hits for each in bins) / n
    values = (
        sum(each.n * each.gap**2 for each in bins) / n,
        sum(each.n * (each.share - share) ** 2 for each in bins) / n,
        share * (1 - share),
        sum(each.spread for each in bins) / n,
        2 * sum(each.shared for each in bins) / n,
    )
    return {name: known(value, n) for name, value in zip(_PARTS, values, strict=True)}


def calibration_error(bins: Sequence[Bin]) -> Figure:
    """Expected calibration error: the mean distance of a bin's mean score from its share of positives, over the rows.

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015
    (equal width); Nixon, Dusenberry, Zhang, Jerfel and Tran, Measuring calibration in deep learning, CVPR workshops
    2019 (equal mass).
    """
    n = sum(each.n for each in bins)
    return known(sum(each.n * abs(each.gap) for each in bins) / n, n)


def error_by_chance(bins: Sequence[Bin]) -> Figure:
    """What `calibration_error` is expected to be for rows with these scores if they are perfectly calibrated.

    An error of about as much shows no miscalibration. With independent classes a bin's gap is nearly normal around 0,
    with the variance sum p (1 - p) / n ** 2, and the mean of its absolute value is the half-normal distribution's.
    Source: the idea of Broecker and Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting
    22, 2007 (there by resampling).
    """
    n = sum(each.n for each in bins)
    variances = (each.n * each.mean * (1 - each.mean) - each.spread for each in bins)
    return known(sum(math.sqrt(2 / math.pi * max(0.0, variance)) for variance in variances) / n, n)


def _curve(group: Group, binning: Binning, bins: Sequence[Bin], least: int) -> Reliability:
    n = sum(each.n for each in bins)
    few = too_few(n, 1, least, lacking=NO_PROBABILITY)
    if few is not None:
        return Reliability(group, binning, n, (), few.reason)
    return Reliability(group, binning, n, [_point(each) for each in bins])


def _point(each: Bin) -> ReliabilityPoint:
    low, high = wilson(each.hits, each.n)
    return ReliabilityPoint(told(each.mean), each.share, low, high, each.n, each.least, each.most)
