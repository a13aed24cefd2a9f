import dataclasses
import datetime as dt
import decimal
import enum
import json

import pandas as pd
import pydantic
import pytest

from sightglass.predictions.feature_names import FeatureNames
from sightglass.predictions.features import MAX_BODY_CHARACTERS, FeatureBody, as_number
from sightglass.settings import Settings


def encode(features, scores=None, settings=None):
    """The body as an object, and its marks."""
    body = FeatureBody(FeatureNames(settings or Settings(denied_features=frozenset())))
    return json.loads(body.encode(features, scores)), body.marks


@pytest.mark.parametrize("number", [200, 1_000])
def test_as_many_features_as_models_have_arrive_whole(number):
    """200 features arrive as 200, without a mark."""
    features = {f"feature_{place}": place / 3 for place in range(number)}
    assert encode(features) == ({"features": features}, [])


def test_the_thousand_first_feature_is_cut_and_marked():
    """A hostile number of features costs a bounded amount."""
    payload, marks = encode({f"f{place}": place for place in range(10_000)})
    assert len(payload["features"]) == 1_000
    assert marks == ["features:number"]


def test_a_body_too_large_loses_features_from_its_end():
    """64 Ki characters at most, still valid JSON."""
    features = {f"f{place}": "x" * 4_000 for place in range(100)}
    body = FeatureBody(FeatureNames(Settings()))
    text = body.encode(features)
    assert len(text) <= MAX_BODY_CHARACTERS
    assert list(json.loads(text)["features"]) == [f"f{place}" for place in range(len(json.loads(text)["features"]))]
    assert body.marks == ["features:size"]


def test_long_text_and_long_names_are_cut_and_marked():
    """A megabyte of text stays 4,096 characters of it."""
    payload, marks = encode({"a": "x" * 1_000_000, "n" * 1_000: 1})
    assert payload == {"features": {"a": "x" * 4_096, "n" * 256: 1}}
    assert marks == ["a:text", f"{'n' * 40}:name"]


def test_denied_features_never_leave_the_process():
    """By default what is a secret by its name, and what the service owner adds."""
    settings = Settings.from_environment({"SIGHTGLASS_DENIED_FEATURES": "Salary, iban"})
    payload, marks = encode({"Password": "x", "salary": 3, "distance": 1, "email": "a@b"}, settings=settings)
    assert payload == {"features": {"distance": 1}}
    assert marks == ["Password:denied", "salary:denied", "email:denied"]


def test_denied_names_are_denied_however_deep_they_lie():
    """A sub-model or a list of mappings hides no password, and `API key` is `api_key`."""
    features = {"customer": {"email": "a@b", "age": 3, "cards": [{"card_number": 1, "kind": "x"}]}, "API key": "k"}
    payload, marks = encode(features, settings=Settings())
    assert payload == {"features": {"customer": {"age": 3, "cards": [{"kind": "x"}]}}}
    assert marks == ["customer.email:denied", "customer.cards[0].card_number:denied", "API key:denied"]


def test_with_an_allow_list_nothing_else_leaves_the_process():
    """The strict mode: what is not named is marked, and what is denied stays denied even when it is named."""
    settings = Settings.from_environment({"SIGHTGLASS_ALLOWED_FEATURES": "distance, Carrier, email"})
    payload, marks = encode({"distance": 1, "carrier": "UA", "wind": 3.0, "email": "a@b"}, settings=settings)
    assert payload == {"features": {"distance": 1, "carrier": "UA"}}
    assert marks == ["wind:not-allowed", "email:denied"]


def test_a_name_that_passed_once_is_not_judged_again_and_not_mixed_up():
    """What is remembered of names changes nothing: denied ones and duplicates after cleaning stay what they are."""
    names = FeatureNames(Settings())
    for _ in range(3):
        body = FeatureBody(names)
        payload = json.loads(body.encode({"a": 1, "b\0": 2, "b?": 3, "token": 4}))
        assert payload == {"features": {"a": 1, "b?": 2}}
        assert body.marks == ["b?:name", "b?:duplicate", "token:denied"]
    assert names.known == {"a"}


class Carrier(enum.StrEnum):
    """An enumeration of text."""

    UNITED = "UA"


@pytest.mark.parametrize(
    ("value", "stored", "marks"),
    [
        (2**63, 2**63, []),
        (2**64, str(2**64), ["x:integer"]),
        pytest.param(10**5_000, "integer of 16610 bits", ["x:integer"], id="huge"),
        (Carrier.UNITED, "UA", []),
        (dt.date(2013, 12, 17), "2013-12-17", ["x:type"]),
        (decimal.Decimal("1.50"), "1.50", ["x:type"]),
        (b"ab", "b'ab'", ["x:type"]),
        ("\ud800", "?", ["x:text"]),
        ("a\0b", "a?b", ["x:text"]),
        ("é", "é", []),
        ([1, ["a", None]], [1, ["a", None]], []),
        ({"a": {"b": 1}, 3: 4}, {"a": {"b": 1}, "3": 4}, ["3:name"]),
        ((1, 2), [1, 2], []),
    ],
)
def test_a_value_keeps_its_type_or_leaves_a_mark(value, stored, marks):
    """What JSON and 64 bits can hold stays as it is; the rest becomes text and says so."""
    assert encode({"x": value}) == ({"features": {"x": stored}}, marks)


def test_two_names_with_the_same_text_keep_the_first():
    """The number 1 and "1" as names can't both be kept."""
    assert encode({1: "a", "1": "b"}) == ({"features": {"1": "a"}}, ["1:name", "1:duplicate"])


def test_two_names_that_meet_deeper_down_keep_the_first_too():
    """Inside a feature, and where a feature's name looks like a place in another one."""
    assert encode({"m": {1: "a", "1": "b"}}) == ({"features": {"m": {"1": "a"}}}, ["1:name", "m.1:duplicate"])
    nan, infinite = float("nan"), float("inf")
    payload, marks = encode({"m.x": nan, "m": {"x": infinite}})
    assert payload == {"features": {"m": {"x": None}}, "nonfinite": {"m.x": "nan"}}
    assert marks == ["m.x:duplicate"]


@dataclasses.dataclass
class Flight:
    """Features as an object."""

    distance: int
    carrier: str


def test_dataclasses_and_pydantic_models_are_features():
    """What the decorator takes as features, `record_prediction` takes too."""

    class Model(pydantic.BaseModel):
        distance: int

    assert encode(Flight(1, "UA")) == ({"features": {"distance": 1, "carrier": "UA"}}, [])
    assert encode(Model(distance=2)) == ({"features": {"distance": 2}}, [])


def test_pandas_missing_values_are_null():
    """NA and NaT mean missing, as None does."""
    assert encode({"a": pd.NA, "b": pd.NaT}) == ({"features": {"a": None, "b": None}}, [])
    assert encode(pd.Series({"a": 1.5, "b": 2.0})) == ({"features": {"a": 1.5, "b": 2.0}}, [])


@pytest.mark.parametrize("features", [None, 3, "text", [1, 2], object()])
def test_what_is_no_mapping_is_an_empty_object_with_a_mark(features):
    """The prediction is counted all the same."""
    assert encode(features) == ({"features": {}}, ["features:not-a-mapping"])


def test_marks_are_bounded():
    """A thousand cuts leave 32 marks."""
    assert len(encode({f"f{place}": object() for place in range(1_000)})[1]) == 32


def test_items_in_nested_values_are_bounded():
    """A list of a million is cut."""
    payload, marks = encode({"x": list(range(1_000_000)), "y": [1]})
    assert len(payload["features"]["x"]) == 4_096
    assert marks == ["x:items"]


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1.0), (0.5, 0.5), ("1", None), (True, None), (None, None), (float("inf"), None)]
)
def test_a_number_is_a_finite_number_and_nothing_else(value, number):
    """Text and booleans are no scores."""
    assert as_number(value) == number
