"""Segments in words, and as the conditions that mean just them."""

from typing import Any

import pytest

from dashboard.explain_answers import Part
from dashboard.filter_text import prediction_filters
from dashboard.model_answers import SegmentName
from dashboard.segment_filters import Narrowed, asked_by, is_feature, narrowed_to, segment_title


def segment(
    kind: str, value: Any = None, low: float | None = None, high: float | None = None, field: str = "x"
) -> SegmentName:
    """A segment as the API names it."""
    return SegmentName.model_validate({"field": field, "kind": kind, "value": value, "from": low, "to": high})


@pytest.mark.parametrize(
    ("one", "title", "conditions"),
    [
        (segment("value", "UA"), "UA", ("x=UA",)),
        (segment("value", "7"), "7", ('x="7"',)),
        (segment("value", 7), "7", ("x=7",)),
        (segment("value", True), "true", ("x=true",)),
        (segment("value", ""), "(empty)", ('x=""',)),
        (segment("range", low=0.1, high=5.0), "0.1 to 5", ("x>=0.10000000000000001", "x<5")),
        (segment("range", high=5.0), "below 5", ("x<5",)),
        (segment("range", low=5.0), "5 and more", ("x>=5",)),
        (segment("null"), "null", ("x=null",)),
        (segment("missing"), "not given", ("x=",)),
        (segment("nonfinite", "nan"), "nan", ("x=nan",)),
        (segment("value", "v", field='a="b'), "v", ('"a=\\"b"=v',)),
    ],
)
def test_a_segment_of_a_feature_becomes_conditions(one: SegmentName, title: str, conditions: tuple[str, ...]) -> None:
    """Values keep their type, ranges both ends; the same conditions search for its predictions."""
    assert segment_title(one) == title
    assert narrowed_to(one, of_feature=True) == Narrowed(conditions, search={"feature": list(conditions)})


def test_findings_about_segments_search_for_their_predictions() -> None:
    """Where the search knows the segment; what is decided by others leads nowhere."""
    found = {
        name: prediction_filters([Part(kind="segment", field=name, value="v")])
        for name in ("model_version", "features_source", "label", "service")
    }
    assert found == {
        "model_version": {"version": ["v"]},
        "features_source": {"features_source": ["v"]},
        "label": {"label": ["v"]},
        "service": None,
    }


def test_segments_of_columns_become_filters_where_there_are_such() -> None:
    """What no question can be narrowed to leads nowhere."""
    source = narrowed_to(segment("value", "store", field="features_source"), of_feature=False)
    assert source == Narrowed(filters=("features_source=store",), search={"features_source": ["store"]})
    service = narrowed_to(segment("value", "ml-api", field="service"), of_feature=False)
    assert service == Narrowed(filters=("service=ml-api",))
    assert narrowed_to(segment("value", "plain", field="trace_path"), of_feature=False) is None
    assert narrowed_to(segment("other"), of_feature=True) is None


@pytest.mark.parametrize(
    ("feature", "bins", "asked"),
    [
        ("carrier", None, "carrier"),
        ("distance", 5, "distance:5"),
        ("label", None, "feature.label"),
        ("a:b", 5, '"a:b":5'),
        ("feature.x", None, '"feature.x"'),
    ],
)
def test_a_feature_is_asked_for_as_one(feature: str, bins: int | None, asked: str) -> None:
    """Also when it is called like a column, or holds what cuts numbers."""
    assert asked_by(feature, bins) == asked
    assert is_feature(asked)
    assert not is_feature("features_source")
