"""What figures of models are called, in which unit they are shown, and which way is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dashboard.charts.units import figure
from dashboard.model_answers import Figure
from dashboard.plain_text import one_line


class Better(StrEnum):
    """Which way a figure is better."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Kind:
    """How a figure is shown.

    Attributes:
        title: in the field's words.
        meaning: in plain words.
        better: which way; None where neither is.
        unit: `ratio` for shares, empty for plain numbers.
    """

    title: str
    meaning: str
    better: Better | None
    unit: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    "roc_auc": Kind("ROC AUC", "Whether positives score higher than others: 1 always, 0.5 by chance.", Better.HIGHER),
    "log_loss": Kind("Log loss", "How far the scores are from what was true; 0 is perfect.", Better.LOWER),
    "accuracy": Kind("Accuracy", "Share of the decisions that were right.", Better.HIGHER, "ratio"),
    "brier": Kind("Brier score", "Mean squared error of the scores; 0 is perfect.", Better.LOWER),
    "precision": Kind("Precision", "Of those decided positive, the share that was.", Better.HIGHER, "ratio"),
    "recall": Kind("Recall", "Of the true positives, the share that was found.", Better.HIGHER, "ratio"),
    "f1": Kind("F1", "Harmonic mean of precision and recall.", Better.HIGHER),
    "balanced_accuracy": Kind("Balanced accuracy", "Mean of the recalls of all classes.", Better.HIGHER, "ratio"),
    "mcc": Kind("MCC", "Matthews correlation coefficient: 1 perfect, 0 chance.", Better.HIGHER),
    "pr_auc": Kind("PR AUC", "Area under the precision-recall curve.", Better.HIGHER),
    "ece_equal_mass": Kind("Calibration error", "Mean distance of scores from shares.", Better.LOWER),
    "roc_auc_macro": Kind("ROC AUC, mean of classes", "Each class against the rest.", Better.HIGHER),
    "roc_auc_weighted": Kind("ROC AUC, weighted", "Each class against the rest, by frequency.", Better.HIGHER),
    "precision_weighted": Kind("Precision, weighted", "Of each class, by frequency.", Better.HIGHER, "ratio"),
    "recall_weighted": Kind("Recall, weighted", "Of each class, by frequency.", Better.HIGHER, "ratio"),
    "f1_weighted": Kind("F1, weighted", "Of each class, by frequency.", Better.HIGHER),
    "mae": Kind("MAE", "Mean absolute error, in the unit of the label.", Better.LOWER),
    "rmse": Kind("RMSE", "Root of the mean squared error; large errors weigh more.", Better.LOWER),
    "mape": Kind("MAPE", "Mean absolute error by the size of the label.", Better.LOWER, "ratio"),
    "bias": Kind("Bias", "Mean of value minus label; 0 is even.", None),
    "r2": Kind("R²", "Share of the labels' variance that is explained.", Better.HIGHER),
}
_FIRST: Final[Mapping[str, Sequence[str]]] = {
    "binary": ("log_loss", "roc_auc", "accuracy", "precision", "recall", "brier"),
    "multiclass": ("accuracy", "log_loss", "f1", "balanced_accuracy", "precision", "recall"),
    "regression": ("mae", "rmse", "r2", "bias", "mape"),
}
_MORE: Final[Mapping[str, Sequence[str]]] = {
    "binary": ("f1", "balanced_accuracy", "mcc", "pr_auc"),
    "multiclass": ("mcc", "precision_weighted", "recall_weighted", "f1_weighted", "roc_auc_macro"),
}
LONGEST_TITLE: Final = 60


def kind_of(name: str) -> Kind:
    """How a figure is shown; one that nobody knows here by its own name."""
    title = one_line(name, LONGEST_TITLE).replace("_", " ")
    return KINDS.get(name) or Kind(title[:1].upper() + title[1:], "", None)


def first_figures(task: str | None) -> Sequence[str]:
    """The figures that a task is judged by, the deciding one first."""
    return _FIRST.get(task or "", _FIRST["binary"])


def drawn_figures(task: str | None, asked: str = "") -> list[str]:
    """The figures of a task that can be drawn over time and by segment, the deciding one first.

    Args:
        task: of the model.
        asked: one that a link asks for: it is among them unless it is one of another task only.
    """
    known = [*first_figures(task), *_MORE.get(task or "", ())]
    of_others = {name for names in (*_FIRST.values(), *_MORE.values()) for name in names} - set(known)
    return known if not asked or asked in known or asked in of_others else [*known, asked]


def in_order(task: str | None, names: Sequence[str]) -> list[str]:
    """Names of figures: those that the task is judged by first, then those known here, then all others."""
    wished = [*first_figures(task), *KINDS, *sorted(names)]
    return [name for name in dict.fromkeys(wished) if name in names]


def value_text(name: str, value: float | None) -> str:
    """A value in its unit; a dash where there is none."""
    return figure(value, kind_of(name).unit)


def interval_text(name: str, measured: Figure) -> str:
    """A figure's 95 % interval in words; empty where it has none."""
    if measured.low is None or measured.high is None:
        return ""
    return f"{value_text(name, measured.low)} to {value_text(name, measured.high)}"


def apart(one: Figure, other: Figure) -> bool | None:
    """Whether two figures differ by more than chance, because their intervals don't meet; None where one has none."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    return one.low > other.high or one.high < other.low
