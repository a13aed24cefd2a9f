"""Where a feature's value lies in what the model was trained on."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.feature_place import place_of
from dashboard.model_answers import FeatureReference
from dashboard.quantiles import shares_below

NUMBER = FeatureReference(name="distance", type="number", null_share=0.3, quantiles=tuple(float(n) for n in range(101)))
CARRIER = FeatureReference(name="carrier", type="category", categories={"UA": 0.7, "HA": 0.001}, other_share=0.299)


@pytest.mark.parametrize(
    ("value", "reference", "words", "unusual"),
    [
        (50.0, NUMBER, "Higher than 50 % of the training rows (the median is 50).", False),
        (99.5, NUMBER, "Higher than 99.5 % of the training rows (the median is 50).", True),
        (3, NUMBER, "Lower than 97 % of the training rows (the median is 50).", False),
        (0.5, NUMBER, "Lower than 99.5 % of the training rows (the median is 50).", True),
        (200.0, NUMBER, "Higher than all training rows (the greatest was 100).", True),
        (-1.0, NUMBER, "Lower than all training rows (the least was 0).", True),
        (None, NUMBER, "It is missing (null), as in 30 % of the training rows.", False),
        (None, CARRIER, "It is missing (null): so were none of the training rows.", True),
        ("nan", NUMBER, "nan is no number, where the model was trained on numbers.", True),
        ("far", NUMBER, "It is not a number, where the model was trained on numbers.", True),
        (True, NUMBER, "It is not a number, where the model was trained on numbers.", True),
        ("UA", CARRIER, "70 % of the training rows had it.", False),
        ("HA", CARRIER, "0.1 % of the training rows had it.", True),
        ("EV", CARRIER, "Not among the common values; 29.9 % of the training rows had one of the others.", True),
        ("EV", CARRIER.model_copy(update={"other_share": 0.0}), "No training row had this value.", True),
        (5, None, "It has no reference to be compared with.", False),
    ],
)
def test_a_value_is_placed_in_words(value: Any, reference: FeatureReference | None, words: str, unusual: bool) -> None:
    """By its percentile, its share, or that there was none like it."""
    place = place_of(value, reference)
    assert (place.words, place.unusual) == (words, unusual)


def test_a_value_that_many_rows_share_is_told_by_their_share() -> None:
    """A percentile would say nothing of a zero that most rows have."""
    rain = FeatureReference(name="rain", type="number", quantiles=(0.0,) * 94 + tuple(n / 10 for n in range(1, 8)))
    assert place_of(0.0, rain).words == "As in about 93.5 % of the training rows."
    assert not place_of(0.0, rain).unusual


def test_truth_values_and_long_texts_are_found_among_categories() -> None:
    """As the reference spells them: true and false, and the beginning of what is long."""
    flags = FeatureReference(name="f", type="category", categories={"true": 0.9, f"{'x' * 200}…": 0.1})
    assert place_of(True, flags).words == "90 % of the training rows had it."
    assert place_of("x" * 1_000_000, flags).words == "10 % of the training rows had it."


@given(st.lists(st.floats(-1e6, 1e6), min_size=300, max_size=300), st.floats(-1.2e6, 1.2e6))
def test_shares_are_those_of_the_rows(rows: list[float], value: float) -> None:
    """Within what 101 quantiles can tell, which is a hundredth."""
    quantiles = np.quantile(rows, np.linspace(0, 1, 101)).tolist()
    below, up_to = shares_below(quantiles, value)
    assert 0 <= below <= up_to <= 1
    assert below == pytest.approx(np.mean(np.array(rows) < value), abs=0.021)
    assert up_to == pytest.approx(np.mean(np.array(rows) <= value), abs=0.021)
