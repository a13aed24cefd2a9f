"""What stands beside a model's figures: decisions against labels, scores against what happened, other thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.performance.bins import Binning
from services.monitoring_api.queries.performance.calibration import Reliability, reliability
from services.monitoring_api.queries.performance.curves import Matrix, ThresholdCurve, confusion, thresholds

BINARY: Final = "binary"
DECIDING: Final = (BINARY, "multiclass")
_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Curves:
    """What a task has of these.

    Args:
        reliability: Binary: how large a part of each bin of scores is of the positive class; by both binnings.
        confusion: How many of each class were decided to be of each; None of a task that decides nothing.
        thresholds: Binary: what deciding by another score would give.
    """

    reliability: Sequence[Reliability] = ()
    confusion: Matrix | None = None
    thresholds: ThresholdCurve | None = None


async def performance_curves(
    database: Database,
    rows: str,
    parameters: Mapping[str, Any],
    task: str,
    *,
    threshold: float | None = None,
    costs: tuple[float, float] = (1.0, 1.0),
) -> Curves:
    """Ask for them.

    Args:
        database: Where to ask.
        rows: SQL after FROM (see `measure`).
        parameters: The values that it needs.
        task: What the predictions are.
        threshold: A threshold to answer for, besides every hundredth.
        costs: What a false positive and a false negative cost.
    """
    if task not in DECIDING:
        return Curves()
    if task != BINARY:
        (matrix,) = await confusion(database, rows, parameters, task)
        return Curves(confusion=matrix)
    at = [step / _STEPS for step in range(_STEPS + 1)] + ([] if threshold is None else [threshold])
    (matrix,) = await confusion(database, rows, parameters, task)
    (curve,) = await thresholds(
        database, rows, parameters, at, cost_false_positive=costs[0], cost_false_negative=costs[1]
    )
    by_mass = await reliability(database, rows, parameters, binning=Binning.EQUAL_MASS)
    by_width = await reliability(database, rows, parameters, binning=Binning.EQUAL_WIDTH)
    return Curves([*by_mass, *by_width], matrix, curve)
