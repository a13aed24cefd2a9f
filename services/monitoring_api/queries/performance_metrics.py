"""Metrics that need labels: how right predictions turned out to be."""

from collections.abc import Iterator
from typing import Final

from services.monitoring_api.queries.metric import Kind, Metric
from services.monitoring_api.queries.outcome_measures import (
    BALANCED_ACCURACY,
    F1,
    MCC,
    PR_AUC,
    PR_AUC_BOUND,
    PRECISION,
    R2,
    RANKED,
    RECALL,
    RMSE,
    ROC_AUC,
    ROC_AUC_BOUND,
    added,
)
from services.monitoring_api.queries.performance.figure import LEAST
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.sources import OUTCOMES

_judged: Final = added("Judged")
_scored: Final = added("Scored")
_measured: Final = added("Measured")
_binary: Final = added("TruePositives", "FalsePositives", "FalseNegatives", "TrueNegatives")

# Name, what it says, its value and what it rests on.
_Entries = tuple[tuple[str, str, Measure, Measure], ...]
_RATIOS: Final[_Entries] = (
    ("accuracy", "Share of labelled predictions that decided right.", added("Correct"), _judged),
)
_MEANS: Final[_Entries] = (
    ("log_loss", "Binary: mean logarithmic loss of the scores.", added("LogLossSum"), _scored),
    ("brier", "Binary: mean squared error of the scores (Brier score).", added("SquaredScoreErrorSum"), _scored),
    ("mae", "Regression: mean absolute error.", added("AbsoluteErrorSum"), _measured),
    ("mape", "Regression: mean absolute error by the size of the label.", added("RelativeErrorSum"), _measured),
    ("bias", "Regression: mean of value minus label.", added("ErrorSum"), _measured),
)
_FIGURES: Final[_Entries] = (
    ("precision", "Binary: share of decisions for the positive class that were right.", PRECISION, _binary),
    ("recall", "Binary: share of true positives that were decided so.", RECALL, _binary),
    ("f1", "Binary: harmonic mean of precision and recall.", F1, _binary),
    ("balanced_accuracy", "Binary: mean of the recalls of both classes.", BALANCED_ACCURACY, _binary),
    ("mcc", "Binary: Matthews correlation coefficient.", MCC, _binary),
    ("rmse", "Regression: root of the mean squared error.", RMSE, _measured),
    ("r2", "Regression: share of the labels' variance that is explained.", R2, _measured),
)
_AREAS: Final[_Entries] = (
    ("roc_auc", "Binary: area under the ROC curve.", ROC_AUC, ROC_AUC_BOUND),
    ("pr_auc", "Binary: area under the precision-recall curve (average precision).", PR_AUC, PR_AUC_BOUND),
)


def _entries() -> Iterator[Metric]:
    """All of them; but for coverage each is null for fewer than `LEAST` rows."""
    coverage = "Share of predictions for which a label has come."
    yield Metric("label_coverage", "1", coverage, Kind.RATIO, OUTCOMES, added("Labelled"), added("Predictions"))
    for kind, entries in ((Kind.RATIO, _RATIOS), (Kind.MEAN, _MEANS), (Kind.QUANTILE, _FIGURES)):
        for name, said, value, base in entries:
            yield Metric(name, "1", said, kind, OUTCOMES, value, base, least=LEAST, needs_labels=True)
    for name, said, value, bound in _AREAS:
        # Histograms of two models have bins of their own and don't merge.
        yield Metric(
            name,
            "1",
            said,
            Kind.QUANTILE,
            OUTCOMES,
            value,
            RANKED,
            least=LEAST,
            bound=bound,
            within=("model",),
            needs_labels=True,
        )


PERFORMANCE: Final = tuple(_entries())
