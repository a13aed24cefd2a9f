"""Regression models: how far their values lie from the true ones.

Labelled rows count whose value and label are both numbers. With huge ones a square can leave the range of doubles:
such a figure has no value, and says so.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from services.monitoring_api.queries.performance.asked import Asked
from services.monitoring_api.queries.performance.figure import Figure, absent, known, too_few
from services.monitoring_api.queries.performance.grouped import Group, Grouped, mean_of
from services.monitoring_api.queries.performance.intervals import around, normal
from services.monitoring_api.queries.performance.measured import Measured

REGRESSION: Final = frozenset({"mae", "mse", "rmse", "r2", "mape", "bias", "pinball"})
NOT_NUMBERS: Final = "no labelled prediction has a value and a label that are numbers"
NOT_VARYING: Final = "the true values do not vary"

_COLUMNS: Final[Mapping[str, str]] = {
    "labelled": "Labelled",
    "counts": "ifNull(Truth IS NOT NULL AND isFinite(Truth) AND isFinite(Value), 0)",
    "truth": "ifNull(Truth, 0)",
    "error": "ifNull(Value, 0) - truth",
}
_COUNTS: Final[Mapping[str, str]] = {
    "predictions": "count()",
    "labels": "countIf(labelled)",
    "n": "countIf(counts)",
}
_SPREADS: Final[Mapping[str, str]] = {
    "of_errors": "varSampStable(squared)",
    "of_truth": "varSampStable(distance)",
    "of_both": "covarSampStable(squared, distance)",
}
# What each figure is the mean of; the least relative to which an error is told is scikit-learn's.
_TERMS: Final[Mapping[str, str]] = {
    "mae": "abs(error)",
    "mse": "error * error",
    "bias": "error",
    "mape": f"abs(error) / greatest(abs(truth), {2.0**-52!r})",
}
# Figures that are made of another one's term.
_NEEDED_BY: Final[Mapping[str, tuple[str, ...]]] = {"mse": ("mse", "rmse", "r2")}


async def regression(asked: Asked) -> list[Measured]:
    """Measure a regression model's groups."""
    terms = {name: term for name, term in _TERMS.items() if asked.wants(*_NEEDED_BY.get(name, (name,)))}
    if asked.wants("pinball"):
        terms |= {f"pinball_{level:g}": _pinball(level) for level in asked.levels}
    columns = dict(_COUNTS)
    for name, term in terms.items():
        columns[f"{name}_mean"] = mean_of(term, "counts")
        if asked.intervals:
            columns[f"{name}_variance"] = f"varSampStableIf({term}, counts)"
    if asked.wants("r2"):
        columns["truth_variance"] = "varPopStableIf(truth, counts)"
        # Rounding can make the variance of equal values more than 0.
        columns["truth_varies"] = "minIf(truth, counts) < maxIf(truth, counts)"
    statement = asked.grouped.aggregate(asked.grouped.select(_COLUMNS), columns)
    rows = await asked.grouped.ask_by_group(statement, list(columns))
    spreads = await _spreads(asked.grouped) if asked.wants("r2") and asked.intervals else {}
    answer = []
    for group, row in rows.items():
        few = too_few(int(row["n"]), int(row["labels"]), asked.least, lacking=NOT_NUMBERS)
        made: dict[str, Callable[[], Figure]] = {name: partial(_mean, name, row) for name in terms}
        made |= {"rmse": partial(_rmse, row), "r2": partial(_r2, row, spreads.get(group, {}))}
        wanted = [name for name in made if asked.wants(name) or name.startswith("pinball")]
        figures = {name: made[name]() if few is None else few for name in wanted}
        answer.append(Measured(group, int(row["predictions"]), int(row["labels"]), figures))
    return answer


def _pinball(level: float) -> str:
    return f"greatest({-level!r} * error, {1 - level!r} * error)"


def _mean(name: str, row: Mapping[str, Any]) -> Figure:
    """A mean over the rows, with the interval of `normal`; the error is the value minus the truth.

    mae: mean absolute error, scikit-learn's ``mean_absolute_error``; mse: mean squared error, ``mean_squared_error``;
    bias: mean error. Source: Willmott, Some comments on the evaluation of model performance, Bulletin of the American
    Meteorological Society 63, 1982. mape: mean absolute error relative to the truth, as
    ``mean_absolute_percentage_error`` (a fraction; where the truth is 0 relative to 2.2e-16). Source: de Myttenaere,
    Golden, Le Grand and Rossi, Mean absolute percentage error for regression models, Neurocomputing 192, 2016.
    pinball: the loss that a quantile's estimate makes least, ``mean_pinball_loss``. Source: Koenker and Bassett,
    Regression quantiles, Econometrica 46, 1978.
    """
    n, value = int(row["n"]), float(row[f"{name}_mean"])
    return known(value, n, normal(value, _number(row, f"{name}_variance"), n, floor=-math.inf if name == "bias" else 0))


def _rmse(row: Mapping[str, Any]) -> Figure:
    """Root of the mean squared error: scikit-learn's ``root_mean_squared_error``; its interval's ends are roots too.

    Source: as for `_mean`.
    """
    squared = _mean("mse", row)
    if squared.value is None:
        return squared
    if squared.low is None or squared.high is None:
        return known(math.sqrt(squared.value), squared.n)
    return known(math.sqrt(squared.value), squared.n, (math.sqrt(squared.low), math.sqrt(squared.high)))


def _r2(row: Mapping[str, Any], spread: Mapping[str, Any]) -> Figure:
    """Coefficient of determination: scikit-learn's ``r2_score``; None where the true values don't vary.

    Source: Kvalseth, Cautionary note about R2, The American Statistician 39, 1985 (his first definition). Its interval:
    the delta method on the mean squared error over the variance of the true values (see `around`).
    """
    n, squared, variance = int(row["n"]), float(row["mse_mean"]), float(row["truth_variance"])
    if variance == 0 or not row["truth_varies"]:
        return absent(n, NOT_VARYING)
    ratio = squared / variance
    # Not by powers, which raise an error where a product is infinite.
    of_ratio = _number(spread, "of_errors") - 2 * ratio * _number(spread, "of_both")
    of_ratio = (of_ratio + ratio * ratio * _number(spread, "of_truth")) / variance / variance
    return known(1 - ratio, n, around(1 - ratio, of_ratio / n, floor=-math.inf, ceiling=1.0))


async def _spreads(grouped: Grouped) -> dict[Group, dict[str, Any]]:
    """For each group, the variances of squared errors and of squared distances of the truth from its mean."""
    centred = (
        f"SELECT *, error * error AS squared, pow(truth - avg(truth) OVER {grouped.whole()}, 2) AS distance\n"
        f"FROM (\n{grouped.select(_COLUMNS, where='counts')}\n)"
    )
    return await grouped.ask_by_group(grouped.aggregate(centred, _SPREADS), list(_SPREADS))


def _number(row: Mapping[str, Any], name: str) -> float:
    """What was not asked for is not a number, which makes no interval."""
    return float(row.get(name, math.nan))
