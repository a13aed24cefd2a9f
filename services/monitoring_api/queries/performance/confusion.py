"""Two decisions against two classes, counted, and the figures that follow from the counts."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from services.monitoring_api.queries.performance.figure import ONE_CLASS, Figure, absent, known
from services.monitoring_api.queries.performance.intervals import (
    f1_of,
    mean_of_shares,
    multinomial_variance,
    on_fisher_z,
    wilson,
)

_Class = TypeVar("_Class", int, str)
NONE_POSITIVE: Final = "no label is of the positive class"
NONE_DECIDED: Final = "nothing was decided to be of the positive class"
ONE_DECISION: Final = "all was decided alike"
# A confusion's counts as aggregates of `BINARY_COLUMNS`, of decisions as they were made.
OF_DECISIONS: Final[Mapping[str, str]] = {
    "tp": "countIf(judged AND decided AND hit)",
    "fp": "countIf(judged AND decided AND NOT hit)",
    "fn": "countIf(judged AND NOT decided AND hit)",
    "tn": "countIf(judged AND NOT decided AND NOT hit)",
}


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many rows of the positive class (tp, fn) and of the other (fp, tn) were decided positive (tp, fp) or not."""

    tp: int
    fp: int
    fn: int
    tn: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From an answer's row that has columns of these names."""
        return cls(*(int(row[name]) for name in ("tp", "fp", "fn", "tn")))

    @property
    def n(self) -> int:
        """All rows."""
        return self.tp + self.fp + self.fn + self.tn

    def figures(self) -> dict[str, Figure]:
        """All figures below; none of them where the labels are of one class."""
        made: dict[str, Callable[[], Figure]] = {
            "balanced_accuracy": self.balanced_accuracy,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "mcc": self.mcc,
        }
        if self.tp + self.fn == 0 or self.fp + self.tn == 0:
            return {name: absent(self.n, ONE_CLASS) for name in made}
        return {name: figure() for name, figure in made.items()}

    def precision(self) -> Figure:
        """Of those that were decided positive, the share that is: scikit-learn's ``precision_score``.

        Its interval is Wilson's. Source: van Rijsbergen, Information Retrieval, 1979, chapter 7.
        """
        if self.tp + self.fp == 0:
            return absent(self.n, NONE_DECIDED)
        return known(self.tp / (self.tp + self.fp), self.n, wilson(self.tp, self.tp + self.fp))

    def recall(self) -> Figure:
        """Of those that are positive, the share that was decided so: scikit-learn's ``recall_score``.

        Its interval is Wilson's. Source: van Rijsbergen, Information Retrieval, 1979, chapter 7.
        """
        if self.tp + self.fn == 0:
            return absent(self.n, NONE_POSITIVE)
        return known(self.tp / (self.tp + self.fn), self.n, wilson(self.tp, self.tp + self.fn))

    def f1(self) -> Figure:
        """Harmonic mean of precision and recall: scikit-learn's ``f1_score``; its interval from Wilson's (`f1_of`).

        Source: van Rijsbergen, Information Retrieval, 1979, chapter 7.
        """
        if self.tp + self.fp + self.fn == 0:
            return absent(self.n, NONE_POSITIVE)
        value = 2 * self.tp / (2 * self.tp + self.fp + self.fn)
        return known(value, self.n, f1_of(self.tp, self.fp, self.fn))

    def balanced_accuracy(self) -> Figure:
        """Mean of both classes' recall: scikit-learn's ``balanced_accuracy_score``; Newcombe's square-and-add interval.

        Source: Brodersen, Ong, Stephan and Buhmann, The balanced accuracy and its posterior distribution, ICPR 2010.
        """
        shares = [(self.tp, self.tp + self.fn), (self.tn, self.fp + self.tn)]
        if not all(n for _, n in shares):
            return absent(self.n, ONE_CLASS)
        return known(sum(hits / n for hits, n in shares) / 2, self.n, mean_of_shares(shares))

    def mcc(self) -> Figure:
        """Matthews correlation of decision and class (see `correlation`).

        Source: Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme, BBA 405,
        1975.
        """
        return correlation({(1, 1): self.tp, (0, 1): self.fp, (1, 0): self.fn, (0, 0): self.tn})


def correlation(cells: Mapping[tuple[_Class, _Class], int]) -> Figure:
    """Correlation of two classifications, of any number of classes, from counts of (class, decision).

    With two classes it is Matthews' (phi). Agrees with scikit-learn's ``matthews_corrcoef``, which says 0 where it is
    undefined. Source: Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient,
    Computational Biology and Chemistry 28, 2004. Its interval: the delta method on Fisher's scale (`on_fisher_z`), for
    more than two classes as Tamura, Itaya, Hayashi and Yamamoto, Statistical inference of the Matthews correlation
    coefficient for multiclass classification, arXiv 2503.06450, 2025.
    """
    n = sum(cells.values())
    trues: Counter[_Class] = Counter()
    decisions: Counter[_Class] = Counter()
    for (true, decided), count in cells.items():
        trues[true] += count
        decisions[decided] += count
    # Whole numbers up to the last division, so nothing cancels.
    above = n * sum(count for (true, decided), count in cells.items() if true == decided)
    above -= sum(count * decisions[each] for each, count in trues.items())
    spread_true = n * n - sum(count * count for count in trues.values())
    spread_decided = n * n - sum(count * count for count in decisions.values())
    if spread_true == 0:
        return absent(n, ONE_CLASS)
    if spread_decided == 0:
        return absent(n, ONE_DECISION)
    below = math.sqrt(spread_true) * math.sqrt(spread_decided)
    value = above / below
    slopes = {
        (true, decided): n * ((true == decided) * n - decisions[true] - trues[decided]) / below
        + value * n * (trues[true] / spread_true + decisions[decided] / spread_decided)
        for true, decided in cells
    }
    return known(value, n, on_fisher_z(value, multinomial_variance(cells, slopes)))
