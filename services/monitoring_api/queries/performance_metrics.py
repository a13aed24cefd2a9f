"""Metrics that need labels: how right predictions turned out to be."""

from collections.abc import Iterator
from typing import Final

from services.monitoring_api.queries.calibration_measures import (
    BRIER_RELIABILITY,
    BRIER_RESOLUTION,
    BRIER_UNCERTAINTY,
    ECE_EQUAL_MASS,
    ECE_EQUAL_WIDTH,
)
from services.monitoring_api.queries.class_measures import ROC_AUC_MACRO, ROC_AUC_WEIGHTED
from services.monitoring_api.queries.metric import Kind, Metric
from services.monitoring_api.queries.outcome_measures import (
    BALANCED_ACCURACY,
    F1,
    F1_WEIGHTED,
    MCC,
    PR_AUC,
    PR_AUC_BOUND,
    PRECISION,
    PRECISION_WEIGHTED,
    R2,
    RANKED,
    RECALL,
    RECALL_WEIGHTED,
    RMSE,
    ROC_AUC,
    ROC_AUC_BOUND,
    added,
    pinball,
)
from services.monitoring_api.queries.performance.asked import LEVELS
from services.monitoring_api.queries.performance.bins import BINS
from services.monitoring_api.queries.performance.figure import LEAST
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.sources import OUTCOMES

_judged: Final = added("Judged")
_scored: Final = added("Scored")
_measured: Final = added("Measured")
_decided: Final = added("TruePositives", "FalsePositives", "FalseNegatives", "TrueNegatives", "Classified")
_of_both: Final = added("Scored", "ClassScored")
_class_ranked: Final = added("ClassRanked")

# Name, what it says, its value and what it rests on.
_Entries = tuple[tuple[str, str, Measure, Measure], ...]
_RATIOS: Final[_Entries] = (
    ("accuracy", "Share of labelled predictions that decided right.", added("Correct"), _judged),
)
_MEANS: Final[_Entries] = (
    (
        "log_loss",
        "Classification: mean logarithmic loss of the scores.",
        added("LogLossSum", "ClassLogLossSum"),
        _of_both,
    ),
    ("brier", "Binary: mean squared error of the scores (Brier score).", added("SquaredScoreErrorSum"), _scored),
    ("mae", "Regression: mean absolute error.", added("AbsoluteErrorSum"), _measured),
    ("mape", "Regression: mean absolute error by the size of the label.", added("RelativeErrorSum"), _measured),
    ("bias", "Regression: mean of value minus label.", added("ErrorSum"), _measured),
    *(
        (
            f"pinball_p{level * 100:.0f}",
            f"Regression: pinball loss at the quantile {level:g}.",
            pinball(level),
            _measured,
        )
        for level in LEVELS
    ),
)
_PRECISION: Final = "share of decisions for the positive class that were right"
_RECALL: Final = "share of true positives that were decided so"
_F1: Final = "harmonic mean of precision and recall"
_FIGURES: Final[_Entries] = (
    ("precision", f"Binary: {_PRECISION}; multi-class: plain mean over classes (macro).", PRECISION, _decided),
    ("recall", f"Binary: {_RECALL}; multi-class: plain mean over classes (macro).", RECALL, _decided),
    ("f1", f"Binary: {_F1}; multi-class: plain mean over classes (macro).", F1, _decided),
    (
        "precision_weighted",
        "Multi-class: mean precision of classes by how often each was true.",
        PRECISION_WEIGHTED,
        _decided,
    ),
    ("recall_weighted", "Multi-class: mean recall of classes by how often each was true.", RECALL_WEIGHTED, _decided),
    ("f1_weighted", "Multi-class: mean F1 of classes by how often each was true.", F1_WEIGHTED, _decided),
    ("balanced_accuracy", "Classification: mean of the recalls of all true classes.", BALANCED_ACCURACY, _decided),
    ("mcc", "Classification: Matthews correlation coefficient, of any number of classes.", MCC, _decided),
    ("rmse", "Regression: root of the mean squared error.", RMSE, _measured),
    ("r2", "Regression: share of the labels' variance that is explained.", R2, _measured),
)
_PARTS: Final = f"over {BINS} bins of equally many scores; from rows"
# None of these is kept in sums: they are computed from every row, joined before where it is.
_OF_ROWS: Final[_Entries] = (
    (
        "roc_auc_macro",
        "Multi-class: plain mean of the areas under the ROC curves of each class against the rest; from rows.",
        ROC_AUC_MACRO,
        _class_ranked,
    ),
    (
        "roc_auc_weighted",
        "Multi-class: the same mean by how often each class was true; from rows.",
        ROC_AUC_WEIGHTED,
        _class_ranked,
    ),
    (
        "ece_equal_mass",
        f"Binary: expected calibration error {_PARTS}.",
        ECE_EQUAL_MASS,
        _scored,
    ),
    (
        "ece_equal_width",
        f"Binary: expected calibration error over {BINS} bins of equal width; from rows.",
        ECE_EQUAL_WIDTH,
        _scored,
    ),
    ("brier_reliability", f"Binary: the Brier score's reliability {_PARTS}.", BRIER_RELIABILITY, _scored),
    ("brier_resolution", f"Binary: the Brier score's resolution {_PARTS}.", BRIER_RESOLUTION, _scored),
    ("brier_uncertainty", "Binary: the Brier score's uncertainty; from rows.", BRIER_UNCERTAINTY, _scored),
)
_AREAS: Final[_Entries] = (
    ("roc_auc", "Binary: area under the ROC curve.", ROC_AUC, ROC_AUC_BOUND),
    ("pr_auc", "Binary: area under the precision-recall curve (average precision).", PR_AUC, PR_AUC_BOUND),
)


def _entries() -> Iterator[Metric]:
    """All of them; but for coverage each is null for fewer than `LEAST` rows."""
    coverage = "Share of predictions for which a label has come."
    yield Metric("label_coverage", "1", coverage, Kind.RATIO, OUTCOMES, added("Labelled"), added("Predictions"))
    for kind, entries in (
        (Kind.RATIO, _RATIOS),
        (Kind.MEAN, _MEANS),
        (Kind.QUANTILE, _FIGURES),
        (Kind.QUANTILE, _OF_ROWS),
    ):
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
