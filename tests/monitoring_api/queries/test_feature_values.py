"""Conditions on features."""

import json

import pytest

from services.monitoring_api.queries.feature_values import parse_features
from services.web.problems import BadInput
from tests.monitoring_api.store import T0, prediction

_VALUES = {
    "number": {"features": {"code": 1}},
    "text": {"features": {"code": "1"}},
    "true": {"features": {"code": True}},
    "null": {"features": {"code": None}},
    "nan": {"features": {}, "nonfinite": {"code": "nan"}},
    "absent": {"features": {}},
    "empty": {"features": {"code": ""}},
    "nan_text": {"features": {"code": "nan"}},
    "word": {"features": {"code": 'a "b" / \\ ü'}},
    "half": {"features": {"code": 0.5}},
    "list": {"features": {"code": [1]}},
}


@pytest.fixture
def found(store):
    """``found(*conditions)`` is the names of the predictions that meet them."""
    rows = []
    for name, body in _VALUES.items():
        rows.append(prediction(T0, prediction_id=name))
        rows[-1]["Body"] = json.dumps(body)
    store.insert("otel_logs", rows)

    def found(*texts):
        conditions = parse_features(texts)
        where = " AND ".join(each.sql(number) for number, each in enumerate(conditions))
        values = {}
        for number, each in enumerate(conditions):
            values |= each.parameters(number)
        return {row[0] for row in store.rows(f"SELECT PredictionId FROM predictions WHERE {where}", values)}

    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("code=1", {"number"}),
        ("code=1.0", {"number"}),
        ('code="1"', {"text"}),
        ("code=true", {"true"}),
        ("code=null", {"null"}),
        ("code=nan", {"nan"}),
        ('code="nan"', {"nan_text"}),
        ("code=", {"absent"}),
        ('code=""', {"empty"}),
        ('code=a "b" / \\ ü', {"word"}),
        ("code^=a", {"word"}),
        ("code>=0.5", {"number", "half"}),
        ("code>0.5", {"number"}),
        ("code<1", {"half"}),
        ("code<=1", {"number", "half"}),
        ("code!=1", set(_VALUES) - {"number"}),
        ('"code"=1', {"number"}),
        ("other=", set(_VALUES)),
    ],
)
def test_six_kinds_of_value_stay_different(found, text, names):
    """Number 1, "1", true, null, NaN and absent are each found by what they are, and by nothing else."""
    assert found(text) == names


def test_conditions_are_and_ed(found):
    """A range is two conditions."""
    assert found("code>0", "code<1") == {"half"}


@pytest.mark.parametrize("text", ["", "code", "=1", "code>x", "code>nan", "code>=true", "a\0=1", "x=" + "y" * 4096])
def test_what_is_no_condition_is_refused(text):
    """The problem names the parameter."""
    with pytest.raises(BadInput) as refused:
        parse_features([text])
    assert [error.field for error in refused.value.errors] == ["feature"]
