"""What DeLong's variance and ROC AUC need of a group: counts of pairs, as whole numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Doubled placements: for a row, twice the rows of the other class with a lower score, plus those with the same.

    Args:
        positives: Rows of the positive class.
        negatives: Rows of the other.
        positive_sum: Sum of the positives' doubled placements.
        positive_squares: Sum of their squares.
        negative_sum: Sum of the negatives' doubled placements.
        negative_squares: Sum of their squares.
    """

    positives: int
    negatives: int
    positive_sum: int
    positive_squares: int
    negative_sum: int
    negative_squares: int

    @property
    def auc(self) -> float:
        """Area under the ROC curve: the share of pairs in which the positive scored higher, ties being half.

        Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982; agrees with
        scikit-learn's ``roc_auc_score``.
        """
        return self.positive_sum / (2 * self.positives * self.negatives)
