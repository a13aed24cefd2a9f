"""What is summed up of predictions with what became of them: columns of the rollups, and measures of metrics."""

from collections.abc import Mapping
from typing import Final

from services.monitoring_api.queries import score_histogram
from services.monitoring_api.queries.source import Measure

# As scikit-learn clips probabilities: by the resolution of a double.
_EPSILON: Final = "2.220446049250313e-16"
_TRUE_CLASS: Final = "if(Actual, Score, 1 - Score)"
_LOG_LOSS: Final = f"-log(greatest({_EPSILON}, least(1 - {_EPSILON}, {_TRUE_CLASS})))"
# What was decided, where nothing says whether that was the positive class: by the score.
_DECIDED: Final = "ifNull(Positive, Score >= 0.5)"
# Rows whose score is a probability of a class that a label tells.
_PROBABLE: Final = "ifNull(Actual IS NOT NULL AND Score >= 0 AND Score <= 1, false)"
_MEASURED: Final = "Value IS NOT NULL AND Truth IS NOT NULL"
# scikit-learn divides by no less than this.
_RELATIVE: Final = f"abs(Value - Truth) / greatest(abs(Truth), {_EPSILON})"


def _sum(value: str, condition: str) -> str:
    return f"sumIf(toFloat64(assumeNotNull({value})), ifNull({condition}, false))"


def _count(condition: str) -> str:
    return f"countIf(ifNull({condition}, false))"


# Column of the rollups -> SQL over rows that adds up to it.
SUMS: Final[Mapping[str, str]] = {
    "Predictions": "count()",
    "Labelled": _count("Labelled"),
    "Judged": "count(Correct)",
    "Correct": _count("Correct"),
    "TruePositives": _count(f"Actual AND {_DECIDED}"),
    "FalsePositives": _count(f"NOT Actual AND {_DECIDED}"),
    "FalseNegatives": _count(f"Actual AND NOT {_DECIDED}"),
    "TrueNegatives": _count(f"NOT Actual AND NOT {_DECIDED}"),
    "Scored": _count(_PROBABLE),
    "LogLossSum": _sum(_LOG_LOSS, _PROBABLE),
    "SquaredScoreErrorSum": _sum("pow(Score - toFloat64(Actual), 2)", _PROBABLE),
    "Measured": _count(_MEASURED),
    "ErrorSum": _sum("Value - Truth", _MEASURED),
    "AbsoluteErrorSum": _sum("abs(Value - Truth)", _MEASURED),
    "SquaredErrorSum": _sum("pow(Value - Truth, 2)", _MEASURED),
    "RelativeErrorSum": _sum(_RELATIVE, _MEASURED),
}
# Those of them that are whole numbers.
COUNTS: Final = frozenset(name for name in SUMS if not name.endswith("Sum"))
SPREAD: Final = f"varPopStableStateIf(toFloat64(assumeNotNull(Truth)), {_MEASURED})"
_CONFUSION: Final = ("TruePositives", "FalsePositives", "FalseNegatives", "TrueNegatives")


def added(column: str, *more: str) -> Measure:
    """The sum of columns of the rollups."""
    columns = (column, *more)
    # Not the name of a column of the rows: SQL would take the one for the other.
    name = f"{'_and_'.join(columns)}_sum"
    raw = " + ".join(SUMS[each] for each in columns)
    return Measure(name, raw, rollup=f"sum({' + '.join(columns)})")


def from_confusion(formula: str) -> Measure:
    """A figure made of the four counts of a binary confusion matrix.

    Args:
        formula: SQL with ``{tp}``, ``{fp}``, ``{fn}`` and ``{tn}``.
    """
    counts = {name: f"toFloat64(sumForEach({{0}})[{n}])" for n, name in enumerate(("tp", "fp", "fn", "tn"), start=1)}
    exact = {
        name: f"toFloat64({SUMS[column]})" for name, column in zip(("tp", "fp", "fn", "tn"), _CONFUSION, strict=True)
    }
    return Measure(
        "confusion",
        "[{}]".format(", ".join(SUMS[column] for column in _CONFUSION)),
        merge=formula.format(**counts),
        rollup=f"sumForEach([{', '.join(_CONFUSION)}])",
        exact=formula.format(**exact),
    )


def of_both_classes(formula: str) -> Measure:
    """The same, where labels of both classes are there, and no number where they are not."""
    return from_confusion(f"if({{tp}} + {{fn}} = 0 OR {{fp}} + {{tn}} = 0, nan, {formula})")


def from_squares(formula: str) -> Measure:
    """A figure made of a regression's squared errors and the spread of its labels.

    Args:
        formula: SQL with ``{squares}`` (sum of squared errors), ``{n}`` and ``{variance}`` (of the labels).
    """
    state = "tuple({}, {}, {})"
    raw = state.format(SUMS["SquaredErrorSum"], SUMS["Measured"], SPREAD)
    rollup = state.format("sum(SquaredErrorSum)", "sum(Measured)", "varPopStableMergeState(TruthSpread)")
    merged = {
        "squares": "sum(tupleElement({0}, 1))",
        "n": "sum(tupleElement({0}, 2))",
        "variance": "varPopStableMerge(tupleElement({0}, 3))",
    }
    exact = {
        "squares": SUMS["SquaredErrorSum"],
        "n": SUMS["Measured"],
        "variance": f"varPopStableIf(toFloat64(assumeNotNull(Truth)), {_MEASURED})",
    }
    return Measure("squares", raw, merge=formula.format(**merged), rollup=rollup, exact=formula.format(**exact))


def ranking(merge: str, exact: str) -> Measure:
    """A figure that ranks scores: exact from rows, or from the histograms of days.

    Args:
        merge: SQL over the merged histogram ``sumMap({0})``.
        exact: SQL over rows.
    """
    return Measure(
        "histogram",
        score_histogram.COUNTS,
        merge=merge,
        rollup="sumMap(ScoreCounts)",
        exact=exact,
        longer_only=True,
    )


_RANKED: Final = score_histogram.RANKED
_SCORES: Final = f"groupArrayIf(assumeNotNull(Score), {_RANKED}), groupArrayIf(assumeNotNull(Actual), {_RANKED})"
_MERGED: Final = "sumMap({0})"
_ONE_CLASS: Final = f"minIf(assumeNotNull(Actual), {_RANKED}) = maxIf(assumeNotNull(Actual), {_RANKED})"
# Scores of two models are not of one scale.
_SEVERAL: Final = "uniqExact(ModelName) > 1"
# How many rows are ranked.
RANKED: Final = Measure(
    "ranked", f"countIf({_RANKED})", rollup="sum(arraySum(mapValues(ScoreCounts)))", longer_only=True
)
ROC_AUC: Final = ranking(score_histogram.roc_auc(_MERGED), f"if({_SEVERAL}, nan, arrayROCAUC({_SCORES}))")
ROC_AUC_BOUND: Final = ranking(score_histogram.roc_auc_bound(_MERGED), "toFloat64(0)")
PR_AUC: Final = ranking(score_histogram.pr_auc(_MERGED), f"if({_ONE_CLASS} OR {_SEVERAL}, nan, arrayAUCPR({_SCORES}))")
PR_AUC_BOUND: Final = ranking(score_histogram.pr_auc_bound(_MERGED), "toFloat64(0)")

# Matthews correlation coefficient (Matthews 1975); nothing where all was decided alike.
MCC: Final = of_both_classes(
    "({tp} * {tn} - {fp} * {fn}) / (sqrt(({tp} + {fp}) * ({tp} + {fn})) * sqrt(({tn} + {fp}) * ({tn} + {fn})))"
)
# None of these says anything where the labels are of one class.
PRECISION: Final = of_both_classes("{tp} / ({tp} + {fp})")
RECALL: Final = of_both_classes("{tp} / ({tp} + {fn})")
F1: Final = of_both_classes("2 * {tp} / (2 * {tp} + {fp} + {fn})")
# The mean of the recalls of both classes.
BALANCED_ACCURACY: Final = of_both_classes("({tp} / ({tp} + {fn}) + {tn} / ({tn} + {fp})) / 2")
RMSE: Final = from_squares("sqrt({squares} / {n})")
R2: Final = from_squares("1 - {squares} / ({n} * {variance})")
