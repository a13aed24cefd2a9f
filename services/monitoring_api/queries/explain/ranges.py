"""Which range of a field of numbers stands out: chosen on one half of the cases, tested on the other."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

from services.monitoring_api.queries.explain.candidate import Candidate, Part
from services.monitoring_api.queries.explain.contingency import Contingency
from services.monitoring_api.queries.explain.counting import Counts
from services.monitoring_api.queries.explain.screening import NumericField

# First every so many bins, then each bin about the best of these.
_COARSE: Final = 4


def best_range(field: NumericField, bins: Sequence[Counts], universe: Counts) -> Candidate | None:
    """The range of neighbouring bins that the first half chooses, tested on the second.

    Of all ranges the first half's likeliest to have a rate of its own (the greatest log-likelihood ratio, as in
    Kulldorff 1997, "A spatial scan statistic") where the selected are over-represented. The second half knows nothing
    of the choice, so its test is one test. Beside other findings stands the range that all cases choose, for theirs are
    counts of all cases, too.

    Args:
        field: What is cut.
        bins: Counts of each bin, from the lowest.
        universe: Counts of all cases that could have the field.

    Returns:
        None when no range has too many of the selected, or it is everything.
    """
    chosen = _likeliest([(each[0], each[1]) for each in bins], (universe[0], universe[1]))
    if chosen is None:
        return None
    low, high = chosen
    tested = Contingency(
        sum(each[2] for each in bins[low:high]), sum(each[3] for each in bins[low:high]), universe[2], universe[3]
    )
    whole = _likeliest(
        [(each[0] + each[2], each[1] + each[3]) for each in bins],
        (universe[0] + universe[2], universe[1] + universe[3]),
    )
    fitted = whole if whole and whole[0] < high and low < whole[1] else chosen
    return Candidate((_part(field, *chosen),), tested, tested.p(), fitted=(_part(field, *fitted),))


def _part(field: NumericField, low: int, high: int) -> Part:
    return Part(
        field.kind,
        field.name,
        field.key,
        low=None if low == 0 else field.edges[low - 1],
        high=None if high > len(field.edges) else field.edges[high - 1],
    )


def _likeliest(bins: Sequence[tuple[int, int]], universe: tuple[int, int]) -> tuple[int, int] | None:
    """From which bin on and before which one the selected are likeliest to have a higher rate of their own."""
    selected = [0, *accumulate(each[0] for each in bins)]
    rest = [0, *accumulate(each[1] for each in bins)]

    def likelihood(low: int, high: int) -> float:
        table = Contingency(selected[high] - selected[low], rest[high] - rest[low], *universe)
        return table.log_likelihood() if table.share_selected > table.share_rest else 0.0

    last = len(bins)
    coarse = _best(likelihood, [*range(0, last, _COARSE), last], [*range(0, last, _COARSE), last])
    return coarse and _best(likelihood, _near(coarse[0], last), _near(coarse[1], last))


def _best(likelihood: Callable[[int, int], float], lows: Sequence[int], highs: Sequence[int]) -> tuple[int, int] | None:
    """The likeliest range from one of these bins up to before one of those; None when none is likely at all."""
    ranges = [(likelihood(low, high), low, high) for low in lows for high in highs if low < high]
    best, low, high = max(ranges, key=lambda each: (each[0], each[1] - each[2]), default=(0.0, 0, 0))
    return (low, high) if best > 0 else None


def _near(edge: int, last: int) -> range:
    return range(max(0, edge - _COARSE), min(last, edge + _COARSE) + 1)
