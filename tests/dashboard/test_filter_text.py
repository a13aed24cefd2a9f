"""Filters spelled by the dashboard mean to the API what they were spelled from."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.explain_answers import Part
from dashboard.filter_text import (
    Filtered,
    attribute_filter,
    feature_filter,
    prediction_filters,
    prediction_search,
    span_filters,
    span_search,
)
from services.monitoring_api.queries.feature_values import Absent, FeatureOperator, parse_features
from services.monitoring_api.queries.filters import Operator
from services.monitoring_api.queries.span_selection import parse_attributes

names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(names, st.one_of(texts, st.sampled_from(["in(a,b)", "in()", "a=b", '"', "in(x\\,y)"])))
def test_an_attribute_filter_means_its_name_and_value(name: str, value: str) -> None:
    """Whatever stands in them, the API reads the same name and the one value."""
    (read,) = parse_attributes([attribute_filter(name, value)])
    assert (read.key, read.values) == (name, (value,))
    assert read.operator in {Operator.EQUAL, Operator.IN}


@example("a", "0\x1f")
@example("a", '"x"')
@example("a", '"\x1f')
@given(names, st.one_of(texts, st.integers(-(10**9), 10**9), st.booleans(), st.none(), st.sampled_from(["1", "null"])))
def test_a_feature_filter_keeps_the_type(name: str, value: Any) -> None:
    """A text that looks like a number stays a text, and the empty text is not taken for an absent feature."""
    if isinstance(value, str) and value.strip().lower() in {"nan", "inf", "-inf", "infinity", "-infinity"}:
        return  # what the explainer calls so is no text
    (read,) = parse_features([feature_filter(name, value)])
    assert (read.key, read.operator) == (name, FeatureOperator.EQUAL)
    assert read.value == value
    assert not isinstance(read.value, Absent)
    assert isinstance(read.value, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((10.0, None), ["hour>=10"]), ((None, 5.5), ["hour<5.5"]), ((1.0, 2.0), ["hour>=1", "hour<2"])],
)
def test_a_range_becomes_its_ends(bounds: tuple[float | None, float | None], expected: list[str]) -> None:
    """A range includes its lower end and not its upper one."""
    assert prediction_filters([Part(kind="feature", field="hour", bounds=bounds)]) == {"feature": expected}


def test_an_operation_becomes_a_search_for_its_spans() -> None:
    """By service and name; with something else besides no one span has both."""
    operation = Part(kind="child_operation", field="ml-api", value="weather.lookup")
    assert span_filters([operation]) == {"service": ["ml-api"], "name": ["weather.lookup"]}
    assert span_filters([operation, Part(kind="attribute", field="a", value="b")]) is None


def test_what_a_search_cannot_ask_for_gives_no_filter() -> None:
    """A feature is no attribute of a span, and an attribute no feature of a prediction."""
    assert span_filters([Part(kind="feature", field="carrier", value="EV")]) is None
    assert prediction_filters([Part(kind="attribute", field="a", value="b")]) is None


def test_of_what_comes_together_a_search_asks_for_what_it_can() -> None:
    """And says what it left out; attributes before an operation, for no span need have both."""
    airport = Part(kind="attribute", field="airport", value="JFK")
    carrier = Part(kind="feature", field="carrier", value="EV")
    lookup = Part(kind="child_operation", field="ml-api", value="weather.lookup")
    predict = Part(kind="child_operation", field="ml-api", value="predict")
    assert span_search([carrier, airport]) == Filtered({"attr": ["airport=JFK"]}, (carrier,))
    assert span_search([lookup, airport]) == Filtered({"attr": ["airport=JFK"]}, (lookup,))
    assert span_search([lookup, predict]) == Filtered({"service": ["ml-api"], "name": ["weather.lookup"]}, (predict,))
    assert span_search([carrier]) is None
    assert prediction_search([carrier, airport]) == Filtered({"feature": ["carrier=EV"]}, (airport,))
    assert prediction_search([carrier]) == Filtered({"feature": ["carrier=EV"]})
    assert prediction_search([airport]) is None
