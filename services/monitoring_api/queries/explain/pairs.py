"""Two things that together stand out by more than each of them does."""

import math
from typing import Final

from services.monitoring_api.queries.explain.contingency import Contingency, upper_tail

# What is less certain than this is not looked at closely: it could not be found among so many.
_CERTAIN_Z: Final = 3.0


def pair_p(both: Contingency, first: Contingency, second: Contingency, sampled: tuple[float, float]) -> float:
    """The chance of so much when the two together were no more than one of them alone, or than both effects added up.

    The greatest of three one-sided p-values (an intersection-union test, Berger 1982): of the second among cases with
    the first; of the first among cases with the second; and of risk in excess of both effects' sum (the interaction
    contrast, Rothman 1976, which is 0 where two causes work apart from each other). The two must also be
    over-represented among all, but that is no part of the test: where neither works alone, cases with neither are
    selected as often, and hide it.

    Args:
        both: Cases that have both.
        first: Cases that have the first, of the same cases.
        second: Cases that have the second.
        sampled: Which part of the selected and of the rest was looked at.
    """
    if both.z() < _CERTAIN_Z:
        return 1.0
    within_first = Contingency(both.selected_with, both.rest_with, first.selected_with, first.rest_with)
    within_second = Contingency(both.selected_with, both.rest_with, second.selected_with, second.rest_with)
    if min(within_first.z(), within_second.z()) < _CERTAIN_Z:
        return 1.0
    contrast = _contrast(both, first, second, sampled)
    if contrast < _CERTAIN_Z:
        return 1.0
    return max(within_first.p(), within_second.p(), upper_tail(contrast))


def _contrast(both: Contingency, first: Contingency, second: Contingency, sampled: tuple[float, float]) -> float:
    """Rothman's interaction contrast in standard deviations."""
    neither = (
        both.selected - first.selected_with - second.selected_with + both.selected_with,
        both.rest - first.rest_with - second.rest_with + both.rest_with,
    )
    cells = (
        (1, both.selected_with, both.rest_with),
        (-1, first.selected_with - both.selected_with, first.rest_with - both.rest_with),
        (-1, second.selected_with - both.selected_with, second.rest_with - both.rest_with),
        (1, *neither),
    )
    contrast = variance = 0.0
    for sign, selected, rest in cells:
        a, b = (selected + 0.5) / sampled[0], (rest + 0.5) / sampled[1]
        risk = a / (a + b)
        contrast += sign * risk
        variance += (risk * (1 - risk)) ** 2 * (1 / (selected + 0.5) + 1 / (rest + 0.5))
    return contrast / math.sqrt(variance)
