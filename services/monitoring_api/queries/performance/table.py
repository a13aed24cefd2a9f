"""Decisions against classes of any number, counted, and the figures that follow from the counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.queries.performance.confusion import correlation
from services.monitoring_api.queries.performance.figure import ONE_CLASS, Figure, absent, known, too_few
from services.monitoring_api.queries.performance.intervals import (
    Interval,
    around,
    f1_of,
    mean_of_shares,
    multinomial_variance,
    wilson,
)

NEVER_TRUE: Final = "no label is of this class"
NEVER_DECIDED: Final = "nothing was decided to be of this class"
OF_CLASSES: Final = ("precision", "recall", "f1")
OF_TABLE: Final = (
    "balanced_accuracy",
    "mcc",
    *(f"{name}_{average}" for name in OF_CLASSES for average in ("macro", "weighted")),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """One class against all others.

    Args:
        hits: Rows of the class that were decided so.
        true: Rows of the class.
        decided: Rows that were decided to be of it.
    """

    hits: int
    true: int
    decided: int

    @property
    def scores(self) -> dict[str, float]:
        """Its precision, recall and F1; 0 where undefined, which is what scikit-learn averages."""
        return {
            "precision": self.hits / self.decided if self.decided else 0.0,
            "recall": self.hits / self.true if self.true else 0.0,
            "f1": 2 * self.hits / (self.true + self.decided),
        }

    def slope(self, name: str, cell: tuple[str, str], own: str, n: int) -> float:
        """How a score of this class, `own`, moves with the share of a cell (class, decision) among n rows."""
        true, decided = (each == own for each in cell)
        above = n * (true and decided)
        if name == "recall":
            return (above - n * true * self.scores[name]) / self.true if self.true else 0.0
        if name == "precision":
            return (above - n * decided * self.scores[name]) / self.decided if self.decided else 0.0
        return (2 * above - n * (true + decided) * self.scores[name]) / (self.true + self.decided)

    def figures(self, labels: int, least: int) -> dict[str, Figure]:
        """Precision, recall and F1 of the class, as of a binary model (see `Confusion`).

        Each rests on the rows that it divides by, and says nothing where these are fewer than `least`.
        """
        scores = self.scores
        either = self.true + self.decided - self.hits
        f1 = f1_of(self.hits, self.decided - self.hits, self.true - self.hits)
        made: tuple[tuple[str, int, str, Interval], ...] = (
            ("precision", self.decided, NEVER_DECIDED, wilson(self.hits, self.decided)),
            ("recall", self.true, NEVER_TRUE, wilson(self.hits, self.true)),
            ("f1", either, NEVER_TRUE, f1),
        )
        return {
            name: too_few(n, labels, least, lacking=lacking) or known(scores[name], n, interval)
            for name, n, lacking, interval in made
        }


@dataclass(frozen=True, slots=True)
class Table:
    """How many rows of each class were decided to be of each: by (class, decision), without cells of none."""

    cells: Mapping[tuple[str, str], int]

    @property
    def n(self) -> int:
        """All rows."""
        return sum(self.cells.values())

    def tallies(self) -> dict[str, Tally]:
        """Every class that was true or decided, in the order of their names."""
        hits: Counter[str] = Counter()
        true: Counter[str] = Counter()
        decided: Counter[str] = Counter()
        for (each, decision), count in self.cells.items():
            true[each] += count
            decided[decision] += count
            hits[each] += count * (each == decision)
        return {each: Tally(hits[each], true[each], decided[each]) for each in sorted(true.keys() | decided.keys())}

    def figures(self) -> dict[str, Figure]:
        """The figures over all classes; none of them where the labels are of one class."""
        tallies = self.tallies()
        if sum(tally.true > 0 for tally in tallies.values()) < 2:  # noqa: PLR2004  (there is nothing to confuse)
            return {name: absent(self.n, ONE_CLASS) for name in OF_TABLE}
        averages = {f"{name}_weighted": self._weighted(name, tallies) for name in OF_CLASSES}
        averages |= {f"{name}_macro": self._macro(name, tallies) for name in OF_CLASSES}
        return averages | {"balanced_accuracy": self._balanced_accuracy(tallies), "mcc": correlation(self.cells)}

    def _balanced_accuracy(self, tallies: Mapping[str, Tally]) -> Figure:
        """Mean recall of the classes that were true: scikit-learn's ``balanced_accuracy_score``.

        Source: Brodersen, Ong, Stephan and Buhmann, The balanced accuracy and its posterior distribution, ICPR 2010;
        its interval: `mean_of_shares`.
        """
        shares = [(tally.hits, tally.true) for tally in tallies.values() if tally.true]
        return known(sum(hits / n for hits, n in shares) / len(shares), self.n, mean_of_shares(shares))

    def _macro(self, name: str, tallies: Mapping[str, Tally]) -> Figure:
        """Plain mean over the classes that were true or decided, as scikit-learn's ``average="macro"``; undefined is 0.

        Source: Sokolova and Lapalme, A systematic analysis of performance measures for classification tasks,
        Information Processing and Management 45, 2009. Its interval: of precision and recall `mean_of_shares`, none
        where a class was never decided or never true; of F1 the delta method (`multinomial_variance`).
        """
        value = sum(tally.scores[name] for tally in tallies.values()) / len(tallies)
        if name == "f1":
            slopes = {
                cell: sum(tallies[each].slope(name, cell, each, self.n) for each in set(cell)) / len(tallies)
                for cell in self.cells
            }
            return known(value, self.n, self._delta(value, slopes))
        shares = [(tally.hits, tally.decided if name == "precision" else tally.true) for tally in tallies.values()]
        return known(value, self.n, mean_of_shares(shares))

    def _weighted(self, name: str, tallies: Mapping[str, Tally]) -> Figure:
        """Mean over classes by how often each was true, as scikit-learn's ``average="weighted"``; undefined is 0.

        Source: as for `_macro`. Its interval: the delta method, weights being random too; of recall, which is the share
        of right decisions then, Wilson's.
        """
        if name == "recall":
            hits = sum(tally.hits for tally in tallies.values())
            return known(hits / self.n, self.n, wilson(hits, self.n))
        value = sum(tally.true / self.n * tally.scores[name] for tally in tallies.values())
        slopes = {
            cell: tallies[cell[0]].scores[name]
            + sum(tallies[each].true / self.n * tallies[each].slope(name, cell, each, self.n) for each in set(cell))
            for cell in self.cells
        }
        return known(value, self.n, self._delta(value, slopes))

    def _delta(self, value: float, slopes: Mapping[tuple[str, str], float]) -> Interval:
        return around(value, multinomial_variance(self.cells, slopes), floor=0.0, ceiling=1.0)
