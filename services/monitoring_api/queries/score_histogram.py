"""Ranking figures from a histogram of scores, with a bound on what the bins hide.

A histogram is a Map: twice the bin of a score, and 1 more where the positive class was true -> how many rows. Bins are
cut at quantiles of a reference, so that none holds much; scores of one bin count as equal, as tied scores do.
"""

from typing import Final

# Rows that ranking is about: a label tells the class, and there is a score, whatever its scale.
RANKED: Final = "ifNull(Actual IS NOT NULL AND Score IS NOT NULL, false)"

# {rows} with the bin of each row's score, and which bins these are; the first takes what is below its edge, too.
_BINNED: Final = """(
    SELECT outcomes.*, bins.Number AS Bin, bins.CreatedAt AS BinsAt
    FROM {rows} AS outcomes
    ASOF LEFT JOIN
    (
        SELECT ModelName, Edge, Number, CreatedAt
        FROM (SELECT ModelName, Edges, CreatedAt FROM score_bins FINAL)
        ARRAY JOIN arrayPushFront(arrayPopFront(Edges), -inf) AS Edge, arrayEnumerate(Edges) AS Number
    ) AS bins
    ON outcomes.ModelName = bins.ModelName AND ifNull(outcomes.Score, 0) >= bins.Edge
)"""

COUNTS: Final = f"sumMapIf(map(toUInt32(2 * Bin + ifNull(Actual, false)), toUInt64(1)), {RANKED})"

# Each entry with the one before it, and how many negatives and positives there are up to it. A bin's negatives come
# directly before its positives.
_ENTRIES: Final = """arrayMap(
    (key, n, key_before, n_before, negatives, positives) -> (
        toFloat64(if(key % 2 = 1, n, 0)),
        toFloat64(if(key % 2 = 1 AND key_before + 1 = key, n_before, 0)),
        toFloat64(negatives),
        toFloat64(positives)
    ),
    mapKeys({m}),
    mapValues({m}),
    arrayPushFront(arrayPopBack(mapKeys({m})), toUInt32(0)),
    arrayPushFront(arrayPopBack(mapValues({m})), toUInt64(0)),
    arrayCumSum(arrayMap((key, n) -> if(key % 2 = 0, n, 0), mapKeys({m}), mapValues({m}))),
    arrayCumSum(arrayMap((key, n) -> if(key % 2 = 1, n, 0), mapKeys({m}), mapValues({m})))
)"""
_NEGATIVES: Final = "arraySum((key, n) -> if(key % 2 = 0, toFloat64(n), 0), mapKeys({m}), mapValues({m}))"
_POSITIVES: Final = "arraySum((key, n) -> if(key % 2 = 1, toFloat64(n), 0), mapKeys({m}), mapValues({m}))"

# The share of pairs of a positive and a negative that are ranked right, where pairs of one bin count half: the
# Mann-Whitney statistic (Hanley, McNeil: The meaning and use of the area under a ROC curve, Radiology 1982).
_ROC_AUC: Final = f"arraySum(e -> e.1 * (e.3 - e.2 / 2), {_ENTRIES}) / ({_NEGATIVES} * {_POSITIVES})"
# Pairs of one bin may all be ranked right, or all wrong.
_ROC_AUC_BOUND: Final = f"arraySum(e -> e.1 * e.2 / 2, {_ENTRIES}) / ({_NEGATIVES} * {_POSITIVES})"

# Average precision: precision at each threshold by the recall that it adds (scikit-learn's average_precision_score).
_PR_AUC: Final = f"""arraySum(
    e -> if(e.1 = 0, 0, e.1 * ({_POSITIVES} - e.4 + e.1)
        / ({_POSITIVES} - e.4 + e.1 + {_NEGATIVES} - e.3 + e.2)),
    {_ENTRIES}
) / {_POSITIVES}"""
# A bin's positives may all come before its negatives, or after them, where the first of them has the least precision.
_PR_AUC_BOUND: Final = f"""arraySum(
    e -> if(e.1 = 0, 0, e.1 * greatest(
        ({_POSITIVES} - e.4 + e.1) / ({_POSITIVES} - e.4 + e.1 + {_NEGATIVES} - e.3)
            - ({_POSITIVES} - e.4 + e.1) / ({_POSITIVES} - e.4 + e.1 + {_NEGATIVES} - e.3 + e.2),
        ({_POSITIVES} - e.4 + e.1) / ({_POSITIVES} - e.4 + e.1 + {_NEGATIVES} - e.3 + e.2)
            - ({_POSITIVES} - e.4 + 1) / ({_POSITIVES} - e.4 + 1 + {_NEGATIVES} - e.3 + e.2)
    )),
    {_ENTRIES}
) / {_POSITIVES}"""


def binned(rows: str) -> str:
    """SQL after FROM: rows of predictions with what became of them, and the Bin of their score."""
    return _BINNED.replace("{rows}", rows)


def roc_auc(histogram: str) -> str:
    """SQL for the area under the ROC curve; nan where a class is missing."""
    return _ROC_AUC.replace("{m}", histogram)


def roc_auc_bound(histogram: str) -> str:
    """SQL for how far that may be from the exact one."""
    return _ROC_AUC_BOUND.replace("{m}", histogram)


def pr_auc(histogram: str) -> str:
    """SQL for the average precision; nan where no positive is."""
    return f"if({_NEGATIVES} = 0, nan, {_PR_AUC})".replace("{m}", histogram)


def pr_auc_bound(histogram: str) -> str:
    """SQL for how far that may be from the exact one."""
    return _PR_AUC_BOUND.replace("{m}", histogram)
