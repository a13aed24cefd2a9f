"""The reference distribution that a card carries: what serving is compared with."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.ml_api.card import CardFeature, ScoreDistribution
from services.ml_api.features import Feature

_GRID: Final = np.linspace(0.0, 1.0, 101)
# Enough for any comparison, and few enough that the last bits of a sum don't change a version.
_DIGITS: Final = 6
MOST_BINS: Final = 4_096

Array = npt.NDArray[Any]


def describe_category(feature: Feature, values: Array, known: Sequence[str]) -> CardFeature:
    """A category's shares, in the order of their codes."""
    names, counts = np.unique(values, return_counts=True)
    shares = dict(zip(names.tolist(), (counts / len(values)).tolist(), strict=True))
    return CardFeature(
        name=feature.name,
        type=feature.type,
        source=feature.source,
        description=feature.description,
        unit=feature.unit,
        null_share=0.0,
        categories={name: round(shares[name], _DIGITS) for name in known},
    )


def describe_number(feature: Feature, values: Array) -> CardFeature:
    """A number's quantiles and moments; NaN counts as null."""
    present = values[~np.isnan(values)].astype(np.float64)
    return CardFeature(
        name=feature.name,
        type=feature.type,
        source=feature.source,
        description=feature.description,
        unit=feature.unit,
        null_share=round(1.0 - len(present) / len(values), _DIGITS),
        quantiles=quantiles(present),
        mean=round(float(present.mean()), _DIGITS),
        standard_deviation=round(float(present.std()), _DIGITS),
    )


def describe_scores(scores: Array, threshold: float) -> ScoreDistribution:
    """The scores' quantiles, their mean, the share at or over the threshold, and the bins to count scores in."""
    return ScoreDistribution(
        quantiles=quantiles(scores),
        mean=round(float(scores.mean()), _DIGITS),
        positive_ratio=round(float((scores >= threshold).mean()), _DIGITS),
        bins=score_bins(scores),
    )


def quantiles(values: Array) -> list[float]:
    """0 %, 1 %, ... 100 %, interpolated linearly."""
    return [round(float(value), _DIGITS) for value in np.quantile(values, _GRID)]


def score_bins(scores: Array, most: int = MOST_BINS) -> list[float]:
    """Distinct quantiles of the scores, ascending: where a bin of about the same number of scores begins.

    Where there are no more different scores than bins, each has its own.
    """
    distinct = np.unique(scores)
    if len(distinct) > most:
        distinct = np.quantile(scores, np.arange(most) / most, method="inverted_cdf")
    bins: list[float] = np.unique(np.round(distinct.astype(np.float64), _DIGITS)).tolist()
    return bins
