"""Binary models: how often they decided right, how well their scores rank, how good their probabilities are."""

from collections.abc import Mapping
from typing import Any, Final

from services.monitoring_api.queries.performance.asked import Asked
from services.monitoring_api.queries.performance.calibration import CALIBRATION, calibration
from services.monitoring_api.queries.performance.confusion import OF_DECISIONS, Confusion
from services.monitoring_api.queries.performance.figure import (
    NO_PROBABILITY,
    NO_SCORE,
    ONE_CLASS,
    Figure,
    absent,
    known,
    too_few,
)
from services.monitoring_api.queries.performance.grouped import BINARY_COLUMNS, mean_of
from services.monitoring_api.queries.performance.intervals import delong, normal, wilson
from services.monitoring_api.queries.performance.measured import Measured
from services.monitoring_api.queries.performance.pairs import PairCounts
from services.monitoring_api.queries.performance.ranking import PrecisionSums, pair_counts, precision_sums

# As scikit-learn clips probabilities before it takes their logarithm: by the distance from 1 to the next double.
CLIP: Final = 2.0**-52
_LOSS: Final = f"-log(greatest(least(if(hit, score, 1 - score), {1 - CLIP!r}), {CLIP!r}))"
_ERROR: Final = "pow(score - hit, 2)"
BINARY: Final = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "mcc",
        "roc_auc",
        "pr_auc",
        "log_loss",
        "brier",
        *CALIBRATION,
    }
)

_COUNTS: Final[Mapping[str, str]] = {
    "predictions": "count()",
    "labels": "countIf(labelled)",
    "compared": "count(correct)",
    "right": "countIf(correct = 1)",
    **OF_DECISIONS,
    "positives": "countIf(ranked AND hit)",
    "negatives": "countIf(ranked AND NOT hit)",
    "probabilities": "countIf(probable)",
}


async def binary(asked: Asked) -> list[Measured]:
    """Measure a binary model's groups."""
    columns = dict(_COUNTS)
    for name, term in (("log_loss", _LOSS), ("brier", _ERROR)):
        if asked.wants(name):
            columns[f"{name}_mean"] = mean_of(term, "probable")
            if asked.intervals:
                columns[f"{name}_variance"] = f"varSampStableIf({term}, probable)"
    for name, function in (("roc_auc", "arrayROCAUC"), ("pr_auc", "arrayAUCPR")):
        if asked.wants(name) and not asked.intervals:
            columns[f"{name}_value"] = f"{function}(groupArrayIf(score, ranked), groupArrayIf(hit, ranked))"
    statement = asked.grouped.aggregate(asked.grouped.select(BINARY_COLUMNS), columns)
    rows = await asked.grouped.ask_by_group(statement, list(columns))
    pairs = await pair_counts(asked.grouped) if asked.intervals and asked.wants("roc_auc") else {}
    precisions = await precision_sums(asked.grouped) if asked.intervals and asked.wants("pr_auc") else {}
    calibrated = await calibration(asked)
    answer = []
    for group, row in rows.items():
        figures = _decisions(row, asked.least)
        figures |= {name: _mean(name, row, asked.least) for name in ("log_loss", "brier") if asked.wants(name)}
        if asked.wants("roc_auc"):
            figures["roc_auc"] = _roc_auc(row, pairs.get(group), asked.least)
        if asked.wants("pr_auc"):
            figures["pr_auc"] = _pr_auc(row, precisions.get(group), asked.least)
        improbable = _improbable(row, asked.least)
        figures |= calibrated.get(group, {}) if improbable is None else dict.fromkeys(CALIBRATION, improbable)
        answer.append(Measured(group, int(row["predictions"]), int(row["labels"]), asked.kept(figures)))
    return answer


def _decisions(row: Mapping[str, Any], least: int) -> dict[str, Figure]:
    """What the decisions are worth, as they were made: the score does not count here."""
    confusion, labels = Confusion.of(row), int(row["labels"])
    few = too_few(confusion.n, labels, least)
    figures = confusion.figures()
    if few is not None:
        figures = dict.fromkeys(figures, few)
    return figures | {"accuracy": accuracy(int(row["right"]), int(row["compared"]), labels, least)}


def accuracy(right: int, compared: int, labels: int, least: int) -> Figure:
    """The share of decisions that the label proved right: scikit-learn's ``accuracy_score``; Wilson's interval.

    Source: any textbook, e.g. Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition 2009,
    section 7.2 (one minus the 0-1 loss).
    """
    return too_few(compared, labels, least) or known(right / compared, compared, wilson(right, compared))


def _mean(name: str, row: Mapping[str, Any], least: int) -> Figure:
    """Log loss or Brier score: means over the rows whose score lies between 0 and 1, all others left out.

    Log loss clips probabilities as scikit-learn's ``log_loss`` does. Source: Good, Rational decisions, JRSS B 14, 1952.
    Brier score: scikit-learn's ``brier_score_loss``. Source: Brier, Verification of forecasts expressed in terms of
    probability, Monthly Weather Review 78, 1950. Their intervals are `normal`'s.
    """
    few = _improbable(row, least)
    if few is not None:
        return few
    n = int(row["probabilities"])
    value = float(row[f"{name}_mean"])
    variance = float(row.get(f"{name}_variance", "nan"))
    return known(value, n, normal(value, variance, n, floor=0.0, ceiling=1.0 if name == "brier" else float("inf")))


def _roc_auc(row: Mapping[str, Any], pairs: PairCounts | None, least: int) -> Figure:
    """Area under the ROC curve (see `PairCounts.auc`), with DeLong's interval; any finite score counts."""
    few = _unranked(row, least)
    if few is not None:
        return few
    n = int(row["positives"]) + int(row["negatives"])
    return known(float(row["roc_auc_value"]), n) if pairs is None else known(pairs.auc, n, delong(pairs))


def _pr_auc(row: Mapping[str, Any], sums: PrecisionSums | None, least: int) -> Figure:
    """Average precision (see `PrecisionSums`), with the infinitesimal jackknife's interval; any finite score counts."""
    few = _unranked(row, least)
    if few is not None:
        return few
    n = int(row["positives"]) + int(row["negatives"])
    return known(float(row["pr_auc_value"]), n) if sums is None else known(sums.average_precision, n, sums.interval())


def _improbable(row: Mapping[str, Any], least: int) -> Figure | None:
    return too_few(int(row["probabilities"]), int(row["labels"]), least, lacking=NO_PROBABILITY)


def _unranked(row: Mapping[str, Any], least: int) -> Figure | None:
    positives, negatives = int(row["positives"]), int(row["negatives"])
    few = too_few(positives + negatives, int(row["labels"]), least, lacking=NO_SCORE)
    if few is None and not (positives and negatives):
        return absent(positives + negatives, ONE_CLASS)
    return few
