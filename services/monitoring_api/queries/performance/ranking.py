"""What depends on the order of scores: the areas under the ROC and the precision-recall curve, with their intervals.

Any finite score counts here, also one that is no probability. Rows with the same score are one step of either curve.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.queries.performance.grouped import BINARY_COLUMNS, Group, Grouped
from services.monitoring_api.queries.performance.intervals import Interval, on_logit
from services.monitoring_api.queries.performance.pairs import PairCounts

# Of 128 bits, for the cube of the number of rows must fit.
_PAIR_SUMS: Final[Mapping[str, str]] = {
    "positives": "sum(pos)",
    "negatives": "sum(neg)",
    "positive_sum": "sum(toInt128(pos) * over)",
    "positive_squares": "sum(toInt128(pos) * over * over)",
    "negative_sum": "sum(toInt128(neg) * under)",
    "negative_squares": "sum(toInt128(neg) * under * under)",
}
_PRECISION_SUMS: Final[Mapping[str, str]] = {
    "positives": "sum(pos)",
    "negatives": "sum(neg)",
    "precision_sum": "sum(pos * precision)",
    "slope_sum": "sum(pos * (precision + gained - lost))",
    "slope_squares": "sum(pos * pow(precision + gained - lost, 2))",
    "lost_sum": "sum(neg * lost)",
    "lost_squares": "sum(neg * pow(lost, 2))",
}


@dataclass(frozen=True, slots=True)
class PrecisionSums:
    """Sums over a group's rows that average precision and its variance are made of.

    With tp and n the positives and the rows that score at least as much as a row, and P the precision tp / n: `gained`
    and `lost` are, summed over the positives that score no more, 1 / n and tp / n ** 2. A row's weight moves average
    precision by (P + gained - lost - AP) / positives where it is positive, by -lost / positives where it is not.
    """

    positives: int
    negatives: int
    precision_sum: float
    slope_sum: float
    slope_squares: float
    lost_sum: float
    lost_squares: float

    @property
    def average_precision(self) -> float:
        """Average precision: over the positives, the mean precision among the rows that score at least as much.

        Source: Manning, Raghavan and Schuetze, Introduction to Information Retrieval, 2008, section 8.4; agrees with
        scikit-learn's ``average_precision_score``, which does not interpolate either.
        """
        return self.precision_sum / self.positives

    def interval(self) -> Interval:
        """Its interval: the infinitesimal jackknife's variance, on the scale of log odds.

        That variance is what a bootstrap's tends to with ever more replicates, but exact, in one pass. Source: Jaeckel,
        The infinitesimal jackknife, Bell Laboratories, 1972; Efron and Tibshirani, An Introduction to the Bootstrap,
        1993, section 22.6; for the scale see `on_logit`. None where average precision is 1.
        """
        m, precision = self.positives, self.average_precision
        squares = self.slope_squares - 2 * precision * self.slope_sum + m * precision**2 + self.lost_squares
        mean = (self.slope_sum - m * precision - self.lost_sum) / (m + self.negatives)
        return on_logit(precision, (squares - (m + self.negatives) * mean**2) / m**2)


async def pair_counts(grouped: Grouped) -> dict[Group, PairCounts]:
    """For each group that has ranked rows, what ROC AUC and DeLong's interval need."""
    window = grouped.window("score")
    placed = f"""SELECT *,
    2 * sum(neg) OVER {window} - neg AS over,
    2 * sum(pos) OVER {window} - pos AS under
FROM (
{steps(grouped)}
)"""  # noqa: S608  (texts of ours)
    rows = await grouped.ask_by_group(grouped.aggregate(placed, _PAIR_SUMS), list(_PAIR_SUMS))
    return {group: PairCounts(**{name: int(value) for name, value in row.items()}) for group, row in rows.items()}


async def precision_sums(grouped: Grouped) -> dict[Group, PrecisionSums]:
    """For each group that has ranked rows, what average precision and its interval need."""
    down, up = grouped.window("score DESC"), grouped.window("score")
    sums = f"""SELECT *,
    sum(pos / chosen) OVER {up} AS gained,
    sum(pos * precision / chosen) OVER {up} AS lost
FROM (
SELECT *, sum(pos) OVER {down} AS tp, tp + sum(neg) OVER {down} AS chosen, tp / chosen AS precision
FROM (
{steps(grouped)}
)
)"""  # noqa: S608  (texts of ours)
    rows = await grouped.ask_by_group(grouped.aggregate(sums, _PRECISION_SUMS), list(_PRECISION_SUMS))
    return {group: _precision_sums(row) for group, row in rows.items()}


def steps(grouped: Grouped, where: str = "ranked") -> str:
    """A statement: the rows of each group and distinct score, by class; those that count as the column `where` says."""
    source = grouped.select({name: BINARY_COLUMNS[name] for name in ("hit", "ranked", "probable", "score")})
    counts = {"pos": "toInt64(countIf(hit))", "neg": "toInt64(countIf(NOT hit))"}
    return grouped.aggregate(source, counts, by=["score"], where=where)


def _precision_sums(row: Mapping[str, Any]) -> PrecisionSums:
    sums = {name: float(value) for name, value in row.items()}
    return PrecisionSums(int(sums.pop("positives")), int(sums.pop("negatives")), **sums)
