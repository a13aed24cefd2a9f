"""What decisions were, or would be: the confusion matrix as decided, and what any threshold of the score would do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.performance.confusion import OF_DECISIONS, Confusion
from services.monitoring_api.queries.performance.figure import LEAST, NO_SCORE, ONE_CLASS, Figure, too_few
from services.monitoring_api.queries.performance.grouped import BINARY_COLUMNS, Group, Grouped
from services.monitoring_api.queries.performance.multiclass import tables
from services.monitoring_api.queries.performance.table import Table

MOST_THRESHOLDS: Final = 1_000
# Of more classes those with the fewest rows are not told one by one.
MOST_CLASSES: Final = 100
# Below every threshold that may be given.
_LOWEST: Final = -1.7976931348623157e308


@dataclass(frozen=True, slots=True)
class Matrix:
    """A group's confusion matrix, of decisions as they were made.

    Args:
        group: The values of the groups' expressions.
        n: How many labelled decisions there are.
        classes: The classes that were true or decided, by name; of many the 100 with most rows.
        counts: For each class that was true, how many rows were decided to be of each; in the order of the classes.
        binary: Of a binary model, the same for its positive class; None otherwise.
    """

    group: Group
    n: int
    classes: Sequence[str]
    counts: Sequence[Sequence[int]]
    binary: Confusion | None = None


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What deciding by a threshold would do: positive where the score is as high, or higher.

    Args:
        threshold: The threshold.
        counts: Right and wrong decisions.
        precision: See `Confusion.precision`.
        recall: See `Confusion.recall`.
        cost: What the wrong decisions would cost together.
        mean_cost: The same for one row.
    """

    threshold: float
    counts: Confusion
    precision: Figure
    recall: Figure
    cost: float
    mean_cost: float


@dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """A group's decisions at every threshold.

    Args:
        group: The values of the groups' expressions.
        labels: How many labelled rows there are.
        n: How many of them have a score.
        points: By threshold, from the lowest; empty where nothing can be said.
        reason: Why there are none.
    """

    group: Group
    labels: int
    n: int
    points: Sequence[ThresholdPoint]
    reason: str | None = None

    def cheapest(self) -> ThresholdPoint | None:
        """The point that costs least, of equals the one with the lowest threshold.

        Source: Elkan, The foundations of cost-sensitive learning, IJCAI 2001.
        """
        return min(self.points, key=lambda point: (point.cost, point.threshold), default=None)


async def confusion(
    database: Database, rows: str, parameters: Mapping[str, Any], task: str, groups: Sequence[str] = ()
) -> list[Matrix]:
    """Count decisions against labels, for each group that has labelled decisions; scikit-learn's ``confusion_matrix``.

    Counts are facts however few they are, so no group is left out for being small.

    Args:
        database: Whom to ask.
        rows: As for `measure`.
        parameters: As for `measure`.
        task: ``binary`` or ``multiclass``.
        groups: As for `measure`; without any there is exactly one matrix.

    Raises:
        BadInput: When the task decides nothing, or there are too many groups and classes to tell.
    """
    if task not in ("binary", "multiclass"):
        raise bad_field("task", f"a {task} model makes no decisions; binary and multiclass ones do")
    grouped = Grouped(database, rows, parameters, tuple(groups))
    binary: dict[Group, Confusion] = {}
    if task == "binary":
        columns = ("tp", "fp", "fn", "tn")
        statement = grouped.aggregate(grouped.select(BINARY_COLUMNS), {name: OF_DECISIONS[name] for name in columns})
        binary = {group: Confusion.of(row) for group, row in await grouped.ask(statement, columns)}
    found = await tables(grouped)
    if not groups:
        found = found or {(): Table({})}
    answer = []
    for group, table in found.items():
        tallies = table.tallies()
        largest = sorted(tallies, key=lambda name: -(tallies[name].true + tallies[name].decided))
        classes = sorted(largest[:MOST_CLASSES])
        counts = [[table.cells.get((true, decided), 0) for decided in classes] for true in classes]
        answer.append(Matrix(group, table.n, classes, counts, binary.get(group)))
    return answer


async def thresholds(
    database: Database,
    rows: str,
    parameters: Mapping[str, Any],
    at: Sequence[float],
    groups: Sequence[str] = (),
    *,
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
    least: int = LEAST,
) -> list[ThresholdCurve]:
    """What binary decisions would be at any thresholds of the score, and what their errors would cost.

    Precision and recall agree with scikit-learn's ``precision_recall_curve``. Source for costs: Elkan, The foundations
    of cost-sensitive learning, IJCAI 2001; right decisions cost nothing here.

    Args:
        database: Whom to ask.
        rows: As for `measure`.
        parameters: As for `measure`.
        at: The thresholds, in any order; a score as high as one is decided positive.
        groups: As for `measure`; without any there is exactly one curve.
        cost_false_positive: What deciding one row of the other class to be positive costs.
        cost_false_negative: What missing one row of the positive class costs.
        least: The fewest labels that make a curve.

    Raises:
        BadInput: When thresholds are none, too many or no numbers, or a cost is negative.
    """
    steps = _steps(at)
    costs = (
        _cost("cost_false_positive", cost_false_positive),
        _cost("cost_false_negative", cost_false_negative),
    )
    values = {**parameters, "thresholds": [_LOWEST, *steps]}
    grouped = Grouped(database, rows, values, tuple(groups))
    names = ("labelled", "hit", "ranked", "score")
    columns = {name: BINARY_COLUMNS[name] for name in names}
    statement = grouped.aggregate(
        grouped.select(columns | {"step": "roundDown(score, {thresholds:Array(Float64)})"}),
        {"labels": "countIf(labelled)", "pos": "countIf(ranked AND hit)", "neg": "countIf(ranked AND NOT hit)"},
        by=["step"],
    )
    found: dict[Group, list[Mapping[str, Any]]] = {} if groups else {(): []}
    for group, row in await grouped.ask(statement, ["step", "labels", "pos", "neg"]):
        found.setdefault(group, []).append(row)
    return [_curve(group, each, steps, costs, least) for group, each in found.items()]


def _steps(at: Sequence[float]) -> list[float]:
    if not 1 <= len(at) <= MOST_THRESHOLDS:
        raise bad_field("thresholds", f"give 1 to {MOST_THRESHOLDS:,} of them")
    if not all(math.isfinite(threshold) and threshold > _LOWEST for threshold in at):
        raise bad_field("thresholds", "each must be a finite number")
    return sorted({float(threshold) for threshold in at})


def _cost(field: str, cost: float) -> float:
    if not (math.isfinite(cost) and cost >= 0):
        raise bad_field(field, "must be a finite number from 0")
    return cost


def _curve(
    group: Group, rows: Sequence[Mapping[str, Any]], steps: Sequence[float], costs: tuple[float, float], least: int
) -> ThresholdCurve:
    labels = sum(int(row["labels"]) for row in rows)
    pos = {float(row["step"]): int(row["pos"]) for row in rows}
    neg = {float(row["step"]): int(row["neg"]) for row in rows}
    positives, negatives = sum(pos.values()), sum(neg.values())
    n = positives + negatives
    few = too_few(n, labels, least, lacking=NO_SCORE)
    if few is not None or not (positives and negatives):
        return ThresholdCurve(group, labels, n, (), ONE_CLASS if few is None else few.reason)
    points = []
    tp = fp = 0
    for step in reversed(steps):
        tp, fp = tp + pos.get(step, 0), fp + neg.get(step, 0)
        points.append(_point(step, Confusion(tp, fp, positives - tp, negatives - fp), costs))
    return ThresholdCurve(group, labels, n, points[::-1])


def _point(threshold: float, counts: Confusion, costs: tuple[float, float]) -> ThresholdPoint:
    cost = counts.fp * costs[0] + counts.fn * costs[1]
    return ThresholdPoint(threshold, counts, counts.precision(), counts.recall(), cost, cost / counts.n)
