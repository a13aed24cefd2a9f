"""Rows whose score is a probability, in bins of that score."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from services.monitoring_api.queries.performance.grouped import BINARY_COLUMNS, Group, Grouped
from services.monitoring_api.queries.performance.ranking import ladder

BINS: Final = 10


class Binning(StrEnum):
    """How probabilities are put into bins.

    Of equal mass: rows in the order of their scores, cut into as many parts of the same size; rows with one score stay
    together, in the part where the first of them belongs. Of equal width: from 0 to 1, each with its upper end, as
    scikit-learn's ``calibration_curve(strategy="uniform")``. Bins without rows are left out.
    """

    EQUAL_MASS = "equal_mass"
    EQUAL_WIDTH = "equal_width"


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows of one bin.

    Args:
        number: Which one, from 0.
        n: How many rows.
        hits: How many of them are of the positive class.
        mean: Their mean score.
        least: Their least score.
        most: Their greatest one.
        spread: Their sum of squared distances of the score from its mean.
        shared: Their sum of products of the distances of score and class from their means.
    """

    number: int
    n: int
    hits: int
    mean: float
    least: float
    most: float
    spread: float
    shared: float

    @property
    def share(self) -> float:
        """How large a part of the rows is of the positive class."""
        return self.hits / self.n

    @property
    def gap(self) -> float:
        """How far the mean score lies above that part."""
        return self.mean - self.share


_COLUMNS: Final[Mapping[str, str]] = {
    "n": "count()",
    "hits": "sum(hit)",
    "mean": "sumKahan(score) / count()",
    "least": "min(score)",
    "most": "max(score)",
    "spread": "varPopStable(score) * count()",
    "shared": "covarPopStable(score, hit) * count()",
}


async def binned(grouped: Grouped, binning: Binning, bins: int = BINS) -> dict[Group, list[Bin]]:
    """Every group's bins that hold rows, from the lowest; groups without any such row are left out."""
    numbered = _by_mass(grouped, bins) if binning is Binning.EQUAL_MASS else _by_width(grouped, bins)
    answer: dict[Group, list[Bin]] = {}
    statement = grouped.aggregate(numbered, _COLUMNS, by=["bin"])
    for group, row in await grouped.ask(statement, ["bin", *_COLUMNS]):
        answer.setdefault(group, []).append(_bin(row))
    return {group: sorted(found, key=lambda each: each.number) for group, found in answer.items()}


def _by_mass(grouped: Grouped, bins: int) -> str:
    """Each row's bin, score and hit; by whole numbers, so that no rounding moves a row."""
    columns = {
        "bin": f"arrayMap(count -> intDiv({bins} * count, length(scores)), before)",
        "score": "scores",
        "hit": "hits",
    }
    arrays = grouped.of_each(ladder(grouped, where="probable"), columns)
    return f"SELECT * FROM (\n{arrays}\n)\nARRAY JOIN bin, score, hit"  # noqa: S608  (texts of ours)


def _by_width(grouped: Grouped, bins: int) -> str:
    """Each row's bin, score and hit."""
    edges = [f"(score > {number * (1 / bins)!r})" for number in range(1, bins)]
    columns = {name: BINARY_COLUMNS[name] for name in ("hit", "ranked", "probable", "score")}
    return grouped.select(columns | {"bin": " + ".join(edges) or "0"}, where="probable")


def _bin(row: Mapping[str, Any]) -> Bin:
    whole = (int(row[name]) for name in ("bin", "n", "hits"))
    return Bin(*whole, *(float(row[name]) for name in ("mean", "least", "most", "spread", "shared")))
