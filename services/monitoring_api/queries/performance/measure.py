"""The performance of predictions that have labels, by any groups: the way in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.performance.asked import LEVELS, Asked
from services.monitoring_api.queries.performance.binary import BINARY, binary
from services.monitoring_api.queries.performance.figure import LEAST
from services.monitoring_api.queries.performance.grouped import Grouped
from services.monitoring_api.queries.performance.measured import Measured
from services.monitoring_api.queries.performance.multiclass import MULTICLASS, multiclass
from services.monitoring_api.queries.performance.regression import REGRESSION, regression

__all__ = ["Measured", "figures_of", "measure"]


@dataclass(frozen=True, slots=True)
class _Task:
    """How a task is measured, and which figures it has."""

    measure: Callable[[Asked], Awaitable[list[Measured]]]
    figures: frozenset[str]


_TASKS: Final[Mapping[str, _Task]] = {
    "binary": _Task(binary, BINARY),
    "multiclass": _Task(multiclass, MULTICLASS),
    "regression": _Task(regression, REGRESSION),
}


def figures_of(task: str) -> frozenset[str]:
    """The names of a task's figures.

    Raises:
        BadInput: When there is no such task.
    """
    return _task(task).figures


async def measure(
    database: Database,
    rows: str,
    parameters: Mapping[str, Any],
    task: str,
    groups: Sequence[str] = (),
    *,
    least: int = LEAST,
    intervals: bool = True,
    wanted: frozenset[str] | None = None,
    levels: Sequence[float] = LEVELS,
) -> list[Measured]:
    """Measure how predictions did against their labels; everything is aggregated where the rows lie.

    Args:
        database: Whom to ask.
        rows: SQL after FROM, with the columns of `outcomes.joined`.
        parameters: The values that the SQL needs.
        task: ``binary``, ``multiclass`` or ``regression``.
        groups: SQL expressions over the columns; each combination of their values that occurs is a group. Without any,
            there is exactly one group, also of no rows.
        least: The fewest labels that say anything: a figure of fewer has no value.
        intervals: Whether to give 95 % intervals, which takes about twice as long.
        wanted: Names of the figures; None: all that the task has. What is not wanted costs nothing.
        levels: Of a regression, the quantile levels of its pinball losses, between 0 and 1.

    Raises:
        BadInput: When there is no such task, it has no such figure, or a level lies elsewhere.
    """
    known = _task(task)
    unknown = sorted((wanted or frozenset()) - known.figures)
    if unknown:
        told = ", ".join(sorted(known.figures))
        raise bad_field("metric", f"a {task} model has no {unknown[0]!r}; there are {told}")
    if not all(0 < level < 1 for level in levels):
        raise bad_field("levels", "each must lie between 0 and 1")
    grouped = Grouped(database, rows, parameters, tuple(groups))
    names = known.figures if wanted is None else wanted
    return await known.measure(Asked(grouped, names, least, intervals, tuple(levels)))


def _task(name: str) -> _Task:
    if name not in _TASKS:
        raise bad_field("task", f"there is no {name!r}; there are {', '.join(_TASKS)}")
    return _TASKS[name]
