"""Which range of a field of numbers stands out: chosen on one half of the cases, tested on the other."""

from collections.abc import Sequence
from itertools import accumulate

from services.monitoring_api.queries.explain.candidate import Candidate, Part
from services.monitoring_api.queries.explain.contingency import Contingency
from services.monitoring_api.queries.explain.counting import Counts
from services.monitoring_api.queries.explain.screening import NumericField


def best_range(field: NumericField, bins: Sequence[Counts], universe: Counts) -> Candidate | None:
    """The range of neighbouring bins that the first half chooses, tested on the second.

    Of all ranges the first half's likeliest to have a rate of its own (the greatest log-likelihood ratio, as in
    Kulldorff 1997, "A spatial scan statistic") where the selected are over-represented. The second half knows nothing
    of the choice, so its test is one test.

    Args:
        field: What is cut.
        bins: Counts of each bin, from the lowest.
        universe: Counts of all cases that could have the field.

    Returns:
        None when no range has too many of the selected, or it is everything.
    """
    selected = [0, *accumulate(each[0] for each in bins)]
    rest = [0, *accumulate(each[1] for each in bins)]
    best, chosen = 0.0, None
    for low in range(len(bins)):
        for high in range(low + 1, len(bins) + 1):
            if low == 0 and high == len(bins):
                continue
            table = Contingency(selected[high] - selected[low], rest[high] - rest[low], universe[0], universe[1])
            if table.share_selected <= table.share_rest:
                continue
            likelihood = table.log_likelihood()
            if likelihood > best:
                best, chosen = likelihood, (low, high)
    if chosen is None:
        return None
    low, high = chosen
    tested = Contingency(
        sum(each[2] for each in bins[low:high]), sum(each[3] for each in bins[low:high]), universe[2], universe[3]
    )
    part = Part(
        field.kind,
        field.name,
        field.key,
        low=None if low == 0 else field.edges[low - 1],
        high=None if high == len(bins) else field.edges[high - 1],
    )
    return Candidate((part,), tested, tested.p())
