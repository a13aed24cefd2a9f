"""Where a prediction's feature lies in what the model was trained on, in words."""

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from dashboard.charts.units import figure
from dashboard.model_answers import FeatureReference
from dashboard.plain_text import one_line
from dashboard.quantiles import shares_below

RARE: Final = 0.02
"""A value is called unusual when at most this share of the training rows is as far out, or has it."""
_OFTEN: Final = 0.05
_LONGEST: Final = 80
_NONFINITE: Final = frozenset({"nan", "inf", "-inf", "infinity", "-infinity"})


@dataclass(frozen=True)
class Place:
    """Where a value lies.

    Attributes:
        rarity: the share of training rows that is as far out (of a number, on either side), or has the same value;
            None where there is nothing to compare with.
        words: a sentence, which may hold text from data.
        number: the value, where it is a finite number that can be drawn on an axis.
        category: the value's text, where the feature has categories.
    """

    rarity: float | None
    words: str
    number: float | None = None
    category: str | None = None

    @property
    def unusual(self) -> bool:
        """Whether hardly any training row is like it."""
        return self.rarity is not None and self.rarity < RARE


def place_of(value: Any, reference: FeatureReference | None) -> Place:
    """Where a feature's value lies.

    Args:
        value: as the API tells it: null, a number, a truth value, or a text.
        reference: how the feature was distributed; None where it has no reference.
    """
    if reference is None:
        return Place(None, "It has no reference to be compared with.")
    if value is None:
        return _shared(reference.null_share, "It is missing (null)", "were")
    if reference.type == "number":
        return _number(value, reference)
    return _category(value if isinstance(value, str) else json.dumps(value), reference)


def value_text(value: Any, limit: int = _LONGEST) -> str:
    """A feature's value as one line of text."""
    if isinstance(value, str):
        return one_line(value, limit)
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return one_line(json.dumps(value), limit)


def _number(value: Any, reference: FeatureReference) -> Place:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        told = f"{value_text(value, 20)!s} is no number" if str(value).lower() in _NONFINITE else "It is not a number"
        return Place(0.0, f"{told}, where the model was trained on numbers.")
    quantiles = reference.quantiles
    if not quantiles or len(quantiles) < 2:  # noqa: PLR2004 - a least and a greatest
        return Place(None, "The reference says nothing of its numbers.", float(value))
    number = float(value)
    median = quantiles[len(quantiles) // 2]
    if number > quantiles[-1]:
        return Place(0.0, f"Higher than all training rows (the greatest was {quantiles[-1]:.6g}).", number)
    if number < quantiles[0]:
        return Place(0.0, f"Lower than all training rows (the least was {quantiles[0]:.6g}).", number)
    below, up_to = shares_below(quantiles, number)
    if up_to - below >= _OFTEN:
        return Place(up_to - below, f"As in about {figure(up_to - below, 'ratio')} of the training rows.", number)
    middle = (below + up_to) / 2
    rarity = 2 * min(middle, 1 - middle)
    if middle >= 0.5:  # noqa: PLR2004 - the median
        told = f"Higher than {figure(middle, 'ratio')} of the training rows"
    else:
        told = f"Lower than {figure(1 - middle, 'ratio')} of the training rows"
    return Place(rarity, f"{told} (the median is {median:.6g}).", number)


def _category(text: str, reference: FeatureReference) -> Place:
    categories = reference.categories or {}
    # A reference keeps the beginning of what is longer.
    known = text if text in categories else f"{text[:200]}…"
    if known in categories:
        place = _shared(categories[known], f"{one_line(text, 40)}", "had it")
        return Place(place.rarity, place.words, category=known)
    if reference.other_share > 0:
        rest = figure(reference.other_share, "ratio")
        words = f"Not among the common values; {rest} of the training rows had one of the others."
        return Place(min(reference.other_share, min(categories.values(), default=1.0)), words, category=text)
    return Place(0.0, "No training row had this value.", category=text)


def _shared(share: float, what: str, verb: str) -> Place:
    if share <= 0:
        return Place(0.0, f"{what}: so {'were' if verb == 'were' else 'was it in'} none of the training rows.")
    if verb == "were":
        return Place(share, f"{what}, as in {figure(share, 'ratio')} of the training rows.")
    return Place(share, f"{figure(share, 'ratio')} of the training rows {verb}.")
