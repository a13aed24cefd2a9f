"""What scikit-learn says of predictions and their labels, by bucket and group, with joins and counts of its own."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from sklearn import metrics

# Score (-1: none), what was decided and what was true (-1: nothing known).
JUDGED: Final = """SELECT {bucket} AS Bucket, {group} AS Grouped, groupArray(ifNull(Score, -1)),
    groupArray(multiIf(Label = '', -1, Label = 'late', 1, 0)),
    groupArray(multiIf(known.Value = '', -1, known.Value = 'late', 1, 0))
FROM predictions
LEFT ANY JOIN
(
    SELECT LogAttributes['ml.prediction.id'] AS PredictionId, any(LogAttributes['ml.label.value']) AS Value
    FROM otel_logs
    WHERE EventName = 'ml.label'
    GROUP BY PredictionId
) AS known
ON predictions.PredictionId = known.PredictionId
WHERE {within}
GROUP BY Bucket, Grouped"""

_FEWEST: Final = 20
_Figure = Callable[[Any, Any, Any], float]


# From scores, decisions and truth.
_OF_DECISIONS: Final[dict[str, _Figure]] = {
    "accuracy": lambda _s, d, y: metrics.accuracy_score(y, d),
    "precision": lambda _s, d, y: _two(y, lambda: metrics.precision_score(y, d, zero_division=np.nan)),
    "recall": lambda _s, d, y: _two(y, lambda: metrics.recall_score(y, d)),
    "f1": lambda _s, d, y: _two(y, lambda: metrics.f1_score(y, d)),
    "balanced_accuracy": lambda _s, d, y: _two(y, lambda: metrics.balanced_accuracy_score(y, d)),
    "mcc": lambda _s, d, y: _two(d, lambda: _two(y, lambda: metrics.matthews_corrcoef(y, d))),
}
_OF_SCORES: Final[dict[str, _Figure]] = {
    "log_loss": lambda s, _d, y: metrics.log_loss(y, s, labels=[0, 1]),
    "brier": lambda s, _d, y: float(np.mean((s - y) ** 2)),
    "roc_auc": lambda s, _d, y: _two(y, lambda: metrics.roc_auc_score(y, s)),
    "pr_auc": lambda s, _d, y: _two(y, lambda: metrics.average_precision_score(y, s)),
}
# What test_class_metrics holds against their formulas: of binary predictions only here, several classes there.
_CALIBRATION: Final[dict[str, _Figure]] = {
    "brier_uncertainty": lambda _s, _d, y: float(y.mean() * (1 - y.mean())),
    "ece_equal_width": lambda s, _d, y: _gaps(np.digitize(s, [each * 0.1 for each in range(1, 10)], right=True), s, y),
}
_NEVER: Final = ("precision_weighted", "recall_weighted", "f1_weighted", "roc_auc_macro", "roc_auc_weighted")
JUDGEMENTS: Final = (*_OF_DECISIONS, *_OF_SCORES, *_CALIBRATION, *_NEVER)


def judgement(metric: str, row: Sequence[Sequence[float]]) -> float | None:
    """A metric of the rows of one bucket and group; None where they are too few, or of one class only."""
    if metric in _NEVER:
        return None
    scores, decided, true = (np.array(column) for column in row)
    among = (decided >= 0) & (true >= 0)
    if metric in {**_OF_SCORES, **_CALIBRATION}:
        among &= (scores >= 0) & (scores <= 1)
    if among.sum() < _FEWEST:
        return None
    figure = {**_OF_DECISIONS, **_OF_SCORES, **_CALIBRATION}[metric]
    found = float(figure(scores[among], decided[among], true[among]))
    return None if np.isnan(found) else found


def _two(true: Any, figure: Callable[[], float]) -> float:
    return figure() if 0 < true.sum() < len(true) else float("nan")


def _gaps(bins: Any, scores: Any, true: Any) -> float:
    """Of bins the mean distance of mean score and share, over the rows."""
    return float(sum(abs((scores - true)[bins == each].sum()) for each in np.unique(bins)) / len(scores))
