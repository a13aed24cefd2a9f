"""What is summed up of multi-class predictions, and their figures: of decisions from sums, of ranks from rows.

Rows of the task `multiclass` only: of a group in which binary and multi-class predictions are mixed nothing is said.
"""

from typing import Final

from services.monitoring_api.queries.source import Measure

_OF_CLASSES: Final = "Task = 'multiclass'"
# A label that was never scored is of none of the classes: its row says nothing of their ranks.
READABLE: Final = f"{_OF_CLASSES} AND Labelled AND mapContains(Scores, LabelValue)"
DECIDED: Final = f"{_OF_CLASSES} AND Correct IS NOT NULL"
PROBABLE: Final = f"{READABLE} AND arrayAll(score -> score >= 0 AND score <= 1, mapValues(Scores))"
CLASS_SCORE: Final = "Scores[LabelValue]"

# More classes than this are labels that are no classes; nothing is said of them.
MOST_CLASSES: Final = 1_000

# By class: its name, how often it was true, how often it was decided, and how often both.
TALLIES: Final = (
    "sumMapIf([LabelValue, toString(Label)], [toUInt64(1), toUInt64(0)], [toUInt64(0), toUInt64(1)], "
    f"[toUInt64(LabelValue = Label), toUInt64(0)], ifNull({DECIDED}, false))"
)
# What a rollup keeps of them: one class too many says that there are too many, however many are left out.
KEPT_TALLIES: Final = "tuple({})".format(
    ", ".join(f"arraySlice(tupleElement({TALLIES}, {n}), 1, {MOST_CLASSES + 1})" for n in range(1, 5))
)
MERGED_TALLIES: Final = "sumMap({})".format(", ".join(f"tupleElement(ClassTallies, {n})" for n in range(1, 5)))

# Figures of arrays with a number for each class: {true}, {decided} and {hits}. They are scikit-learn's, whose undefined
# precision and recall are 0 (see `services.monitoring_api.queries.performance.table` for the sources).
_PRECISION: Final = "if(decided = 0, 0, hits / decided)"
_RECALL: Final = "if(actual = 0, 0, hits / actual)"
_F1: Final = "2 * hits / (actual + decided)"


def _macro(score: str) -> str:
    return f"arrayAvg((actual, decided, hits) -> {score}, {{true}}, {{decided}}, {{hits}})"


def _weighted(score: str) -> str:
    summed = f"arraySum((actual, decided, hits) -> actual * ({score}), {{true}}, {{decided}}, {{hits}})"
    return f"{summed} / arraySum({{true}})"


MACRO: Final = {"precision": _macro(_PRECISION), "recall": _macro(_RECALL), "f1": _macro(_F1)}
WEIGHTED: Final = {"precision": _weighted(_PRECISION), "recall": _weighted(_RECALL), "f1": _weighted(_F1)}
# Mean recall of the classes that were true.
BALANCED_ACCURACY: Final = (
    f"arraySum((actual, hits) -> {_RECALL}, {{true}}, {{hits}}) / arrayCount(actual -> actual > 0, {{true}})"
)
# Gorodkin's correlation of K classes; whole numbers up to the division, so that nothing cancels.
_N: Final = "toInt128(arraySum({true}))"
_SPREAD: Final = f"toFloat64({_N} * {_N} - arraySum(n -> toInt128(n) * n, {{}}))"
MCC: Final = (
    f"toFloat64({_N} * arraySum({{hits}})"
    " - arraySum((actual, decided) -> toInt128(actual) * decided, {true}, {decided}))"
    f" / (sqrt({_SPREAD.replace('{}', '{true}')}) * sqrt({_SPREAD.replace('{}', '{decided}')}))"
)


def classes_in(tallies: str) -> str:
    """SQL for how many rows some tallies are of."""
    return f"arraySum(tupleElement({tallies}, 2))"


def of_tallies(formula: str, tallies: str) -> str:
    """SQL for a figure of tallies: no number where one class was true, or where there are too many.

    Args:
        formula: SQL with ``{true}``, ``{decided}`` and ``{hits}``.
        tallies: SQL for the tallies.
    """
    for number, name in enumerate(("true", "decided", "hits"), start=2):
        formula = formula.replace(f"{{{name}}}", f"tupleElement({tallies}, {number})")
    too_many = f"length(tupleElement({tallies}, 1)) > {MOST_CLASSES}"
    one_class = f"arrayCount(actual -> actual > 0, tupleElement({tallies}, 2)) < 2"
    return f"if({too_many} OR {one_class}, nan, {formula})"


# Each class's scores with whether it was true, and the area under its ROC curve with how often it was true.
_RANKS: Final = (
    "groupArrayMapIf(mapApply((class, score) -> (class, (score, class = LabelValue)), "
    f"mapFilter((class, score) -> isFinite(score), Scores)), ifNull({READABLE}, false))"
)
_AREAS: Final = (
    "arrayMap(ranks -> (arrayROCAUC(tupleElement(ranks, 1), tupleElement(ranks, 2)), "
    f"arraySum(tupleElement(ranks, 2))), mapValues({_RANKS}))"
)
_TRUE: Final = f"arrayFilter(area -> area.2 > 0, {_AREAS})"
_SEVERAL: Final = "uniqExact(ModelName) > 1"


def _of_rows(name: str, exact: str) -> Measure:
    """A figure that only rows can tell: no rollup holds what it needs."""
    # Scores of two models are not of one scale.
    return Measure(name, "toUInt8(0)", exact=f"if({_SEVERAL}, nan, {exact})")


# A mean over other classes than were scored is another figure, so a class that was never true leaves none.
ROC_AUC_MACRO: Final = _of_rows("roc_auc_macro", f"arrayAvg(area -> area.1, {_AREAS})")
ROC_AUC_WEIGHTED: Final = _of_rows(
    "roc_auc_weighted",
    f"if(length({_TRUE}) < 2, nan, arraySum(area -> area.1 * area.2, {_TRUE}) / arraySum(area -> area.2, {_TRUE}))",
)
