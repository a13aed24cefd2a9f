"""What is summed up of predictions with what became of them: columns of the rollups, and measures of metrics."""

from collections.abc import Mapping
from typing import Final

from services.monitoring_api.queries import class_measures, score_histogram
from services.monitoring_api.queries.calibration_measures import PROBABLE
from services.monitoring_api.queries.class_measures import CLASS_SCORE, MERGED_TALLIES, TALLIES, classes_in, of_tallies
from services.monitoring_api.queries.source import Measure

# As scikit-learn clips probabilities: by the resolution of a double.
_EPSILON: Final = "2.220446049250313e-16"
_LOG_LOSS: Final = f"-log(greatest({_EPSILON}, least(1 - {_EPSILON}, {{}})))"
# What was decided, where nothing says whether that was the positive class: by the score.
_DECIDED: Final = "ifNull(Positive, Score >= 0.5)"
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
    "Scored": _count(PROBABLE),
    "LogLossSum": _sum(_LOG_LOSS.format("if(Actual, Score, 1 - Score)"), PROBABLE),
    "SquaredScoreErrorSum": _sum("pow(Score - toFloat64(Actual), 2)", PROBABLE),
    "Classified": _count(class_measures.DECIDED),
    "ClassScored": _count(class_measures.PROBABLE),
    "ClassLogLossSum": _sum(_LOG_LOSS.format(CLASS_SCORE), class_measures.PROBABLE),
    "ClassRanked": _count(class_measures.READABLE),
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


def of_decisions(binary: str | None, of_classes: str) -> Measure:
    """A figure of decisions: of a binary confusion matrix, or of tallies by class; no number where both are there.

    It says nothing where the labels are of one class.

    Args:
        binary: SQL with ``{tp}``, ``{fp}``, ``{fn}`` and ``{tn}``; None: no binary model has the figure.
        of_classes: SQL with the arrays ``{true}``, ``{decided}`` and ``{hits}`` (see `class_measures`).
    """
    both = "if({tp} + {fn} = 0 OR {fp} + {tn} = 0, nan, {})".replace("{}", binary) if binary else "nan"
    names = ("tp", "fp", "fn", "tn")

    def figure(counts: Mapping[str, str], tallies: str) -> str:
        found = f"if({classes_in(tallies)} = 0, {both}, if({{tp}} + {{fp}} + {{fn}} + {{tn}} > 0, nan, {{of_classes}}))"
        for name, count in counts.items():
            found = found.replace(f"{{{name}}}", count)
        return found.replace("{of_classes}", of_tallies(of_classes, tallies))

    merged = {name: f"toFloat64(sumForEach(tupleElement({{0}}, 1))[{n}])" for n, name in enumerate(names, start=1)}
    tallies = ", ".join(f"tupleElement(tupleElement({{0}}, 2), {n})" for n in range(1, 5))
    exact = {name: f"toFloat64({SUMS[column]})" for name, column in zip(names, _CONFUSION, strict=True)}
    return Measure(
        "decisions",
        f"tuple([{', '.join(SUMS[column] for column in _CONFUSION)}], {TALLIES})",
        merge=figure(merged, f"sumMap({tallies})"),
        rollup=f"tuple(sumForEach([{', '.join(_CONFUSION)}]), {MERGED_TALLIES})",
        exact=figure(exact, TALLIES),
    )


def pinball(level: float) -> Measure:
    """The sum of a quantile's pinball losses, from the sums of errors and of their sizes.

    What values lie above their labels adds up to half of both together, what they lie below to half the difference.

    Args:
        level: The quantile's, between 0 and 1.
    """

    def loss(errors: str, sizes: str) -> str:
        return f"({1 - level!r} * ({sizes} + {errors}) + {level!r} * ({sizes} - {errors})) / 2"

    raw = loss(SUMS["ErrorSum"], SUMS["AbsoluteErrorSum"])
    return Measure(f"pinball_p{level * 100:.0f}_sum", raw, rollup=loss("sum(ErrorSum)", "sum(AbsoluteErrorSum)"))


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

# Matthews correlation coefficient (Matthews 1975), of classes Gorodkin's (2004); nothing where all is decided alike.
MCC: Final = of_decisions(
    "({tp} * {tn} - {fp} * {fn}) / (sqrt(({tp} + {fp}) * ({tp} + {fn})) * sqrt(({tn} + {fp}) * ({tn} + {fn})))",
    class_measures.MCC,
)
PRECISION: Final = of_decisions("{tp} / ({tp} + {fp})", class_measures.MACRO["precision"])
RECALL: Final = of_decisions("{tp} / ({tp} + {fn})", class_measures.MACRO["recall"])
F1: Final = of_decisions("2 * {tp} / (2 * {tp} + {fp} + {fn})", class_measures.MACRO["f1"])
PRECISION_WEIGHTED: Final = of_decisions(None, class_measures.WEIGHTED["precision"])
RECALL_WEIGHTED: Final = of_decisions(None, class_measures.WEIGHTED["recall"])
F1_WEIGHTED: Final = of_decisions(None, class_measures.WEIGHTED["f1"])
# The mean of the recalls of all classes.
BALANCED_ACCURACY: Final = of_decisions(
    "({tp} / ({tp} + {fn}) + {tn} / ({tn} + {fp})) / 2", class_measures.BALANCED_ACCURACY
)
RMSE: Final = from_squares("sqrt({squares} / {n})")
R2: Final = from_squares("1 - {squares} / ({n} * {variance})")
