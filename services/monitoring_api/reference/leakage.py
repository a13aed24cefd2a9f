"""Whether one feature alone tells the label: too good to be known when a prediction is made."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.monitoring_api.reference.hashing import Floats

SUSPICIOUS_AUC: Final = 0.99
SUSPICIOUS_CORRELATION: Final = 0.99
_LEAST_OF_CLASS: Final = 20
_MOST_CLASSES: Final = 20
_BINS: Final = 64
_SEED: Final = 20131001

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Telling:
    """How well one feature tells the label.

    Args:
        figure: ROC AUC, or of numbers the correlation.
        of_class: The class that it tells best; None where the label is a number.
    """

    figure: float
    of_class: int | None


def tells_class(cells: npt.NDArray[Any], label: Places) -> Telling | None:
    """The best ROC AUC with which a feature alone tells one class from the rest, over the second half of the rows.

    The first half says how often each category, or each of 64 quantile bins, has the class; by that the second half is
    ranked. So neither a category that came once nor chance looks like a leak, and neither direction nor shape of the
    relation matters; cells without a value are a category of their own.

    Args:
        cells: Numbers with NaN for none, or whole numbers that stand for categories.
        label: The class of each row, from 0 on.

    Returns:
        None where no class has 20 rows of its own and of others in both halves.
    """
    order = np.random.default_rng(_SEED).permutation(len(label))
    learn, judge = order[: len(order) // 2], order[len(order) // 2 :]
    groups = _groups(cells, learn)
    size = int(groups.max(initial=-1)) + 1
    totals = np.bincount(groups[learn], minlength=size)
    best: Telling | None = None
    common = np.argsort(-np.bincount(label), kind="stable")[:_MOST_CLASSES]
    for each in common.tolist():
        is_class = label == each
        of_learn, of_judge = int(is_class[learn].sum()), int(is_class[judge].sum())
        if min(of_learn, of_judge, len(learn) - of_learn, len(judge) - of_judge) < _LEAST_OF_CLASS:
            continue
        share = of_learn / len(learn)
        # One imaginary row of the usual share keeps a category of a single row from being sure.
        rates = (np.bincount(groups[learn], weights=is_class[learn], minlength=size) + share) / (totals + 1)
        found = roc_auc(rates[groups[judge]], is_class[judge])
        if best is None or found > best.figure:
            best = Telling(found, each)
    return best


def tells_number(cells: npt.NDArray[Any], measured: Floats) -> Telling | None:
    """The rank correlation (Spearman) of a measured label with what a feature alone says it will be.

    As `tells_class`, over the second half of the rows: the first half's mean of each category or bin is what the
    feature says. Of numbers their own rank correlation counts where it is stronger.
    """
    if len(measured) < 2 * _LEAST_OF_CLASS:
        return None
    order = np.random.default_rng(_SEED).permutation(len(measured))
    learn, judge = order[: len(order) // 2], order[len(order) // 2 :]
    groups = _groups(cells, learn)
    size = int(groups.max(initial=-1)) + 1
    totals = np.bincount(groups[learn], minlength=size)
    sums = np.bincount(groups[learn], weights=measured[learn], minlength=size)
    means = np.where(totals, sums / np.maximum(totals, 1), measured[learn].mean())
    found = max(_rank_correlation(means[groups[judge]], measured[judge]), 0.0)
    if cells.dtype.kind == "f":
        there = np.isfinite(cells)
        if int(there.sum()) > len(measured) // 2:
            found = max(found, abs(_rank_correlation(cells[there], measured[there])))
    return Telling(found, None)


def roc_auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """The probability that a positive scores higher than a negative, ties counted half (Mann and Whitney, 1947)."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    above = float(_ranks(scores)[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def _groups(cells: npt.NDArray[Any], learn: Places) -> Places:
    """The group that each row is in: its category, or its bin by quantiles of the rows to learn from."""
    if cells.dtype.kind != "f":
        return np.unique(cells, return_inverse=True)[1].astype(np.int64)
    known = cells[learn]
    known = known[np.isfinite(known)]
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS, method="inverted_cdf")) if len(known) else known
    groups = np.searchsorted(edges, cells, side="left").astype(np.int64) + 1
    return np.where(np.isnan(cells), 0, groups)


def _ranks(values: npt.NDArray[Any]) -> Floats:
    """Ranks from 1 on; those of ties are their mean."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[places]
    return ranks


def _rank_correlation(left: Floats, right: Floats) -> float:
    left, right = _ranks(left), _ranks(right)
    if left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])
