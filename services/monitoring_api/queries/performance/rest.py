"""ROC AUC of a multi-class model: how well the score of each class ranks that class before the rest."""

import math
from collections.abc import Mapping
from typing import Final

from services.monitoring_api.queries.performance.asked import Asked
from services.monitoring_api.queries.performance.figure import ONE_CLASS, Figure, absent, known, too_few
from services.monitoring_api.queries.performance.grouped import Group, Grouped
from services.monitoring_api.queries.performance.intervals import NO_INTERVAL, Interval, around, delong, delong_variance
from services.monitoring_api.queries.performance.pairs import PairCounts
from services.monitoring_api.queries.performance.ranking import pair_counts

NO_SCORES: Final = "no labelled prediction has a score of the class that its label names"
# A label that was never scored is of none of the classes: its row says nothing of their ranks.
READABLE: Final = "Labelled AND mapContains(Scores, LabelValue)"


async def against_rest(grouped: Grouped) -> dict[Group, dict[str, PairCounts]]:
    """For each group and class that was scored, how rows rank by that score, the class being the positive one."""
    columns = {"LabelValue": "LabelValue", "Scores": "Scores"}
    readable = grouped.select(columns, where=READABLE)
    selected = ", ".join([*grouped.keys, "ScoredClass", "ClassScore AS Score", "LabelValue = ScoredClass AS Actual"])
    rows = (
        f"(SELECT {selected}\nFROM (\n{readable}\n)\n"
        "ARRAY JOIN mapKeys(Scores) AS ScoredClass, mapValues(Scores) AS ClassScore)"
    )
    by_class = Grouped(grouped.database, rows, grouped.parameters, (*grouped.keys, "ScoredClass"))
    answer: dict[Group, dict[str, PairCounts]] = {}
    for (*group, each), pairs in (await pair_counts(by_class)).items():
        answer.setdefault(tuple(group), {})[each] = pairs
    return answer


def areas(pairs: Mapping[str, PairCounts], n: int, labels: int, asked: Asked) -> dict[str, Figure]:
    """Two means over classes, plain and by how often each was true.

    They agree with scikit-learn's ``roc_auc_score(multi_class="ovr")``. The plain mean has no value where a scored
    class was never true, for a mean over other classes is another figure. Source: Provost and Domingos, Well-trained
    PETs, CeDER working paper 00-04, New York University, 2001, for the weighted one; Fawcett, An introduction to ROC
    analysis, Pattern Recognition Letters 27, 2006, section 9, for both kinds of mean.

    Args:
        pairs: Of each class.
        n: How many rows count.
        labels: How many labelled rows there are.
        asked: What is asked.
    """
    few = too_few(n, labels, asked.least, lacking=NO_SCORES)
    true = {each: counts for each, counts in pairs.items() if counts.positives}
    if few is None and (len(true) < 2 or not all(counts.negatives for counts in true.values())):  # noqa: PLR2004  (one class)
        few = absent(n, ONE_CLASS)
    if few is not None:
        return {"roc_auc_macro": few, "roc_auc_weighted": few}
    missing = sorted(pairs.keys() - true.keys())
    if missing:
        macro = absent(n, f"no label is of the class {missing[0]!r}")
    else:
        macro = _mean(true, dict.fromkeys(true, 1 / len(true)), n, 0.0)
    total = sum(counts.positives for counts in true.values())
    weights = {each: counts.positives / total for each, counts in true.items()}
    centre = sum(weight * true[each].auc for each, weight in weights.items())
    of_weights = sum(weight * (true[each].auc - centre) ** 2 for each, weight in weights.items()) / n
    return {"roc_auc_macro": macro, "roc_auc_weighted": _mean(true, weights, n, of_weights)}


def area(pairs: PairCounts, labels: int, least: int) -> Figure:
    """ROC AUC of one class against the rest, with DeLong's interval (see `PairCounts.auc`)."""
    n = pairs.positives + pairs.negatives
    few = too_few(n, labels, least, lacking=NO_SCORES)
    if few is not None:
        return few
    if not (pairs.positives and pairs.negatives):
        return absent(n, ONE_CLASS)
    return known(pairs.auc, n, delong(pairs))


def _mean(pairs: Mapping[str, PairCounts], weights: Mapping[str, float], n: int, of_weights: float) -> Figure:
    value = sum(weight * pairs[each].auc for each, weight in weights.items())
    return known(value, n, _interval(value, pairs, weights, of_weights))


def _interval(
    value: float, pairs: Mapping[str, PairCounts], weights: Mapping[str, float], of_weights: float
) -> Interval:
    """At least 95 %: a mean deviates at most by the mean of the deviations, however the classes' areas hang together.

    Source: DeLong's variances (`delong_variance`) and the Cauchy-Schwarz inequality.
    """
    deviations = [math.sqrt(max(0.0, delong_variance(pairs[each]))) * weight for each, weight in weights.items()]
    if any(math.isnan(delong_variance(pairs[each])) for each in weights):
        return NO_INTERVAL
    return around(value, (sum(deviations) + math.sqrt(of_weights)) ** 2, floor=0.0, ceiling=1.0)
