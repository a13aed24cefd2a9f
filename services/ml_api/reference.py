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
    """The scores' quantiles, their mean and the share at or over the threshold."""
    return ScoreDistribution(
        quantiles=quantiles(scores),
        mean=round(float(scores.mean()), _DIGITS),
        positive_ratio=round(float((scores >= threshold).mean()), _DIGITS),
    )


def quantiles(values: Array) -> list[float]:
    """0 %, 1 %, ... 100 %, interpolated linearly."""
    return [round(float(value), _DIGITS) for value in np.quantile(values, _GRID)]
