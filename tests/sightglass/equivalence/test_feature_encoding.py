"""The quick way to encode a prediction's features, and the careful one."""

import json
import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sightglass.predictions.feature_names import FeatureNames
from sightglass.predictions.features import FeatureBody
from sightglass.settings import Settings

_NAMES = st.sampled_from(["a", "b", "É", "long name", "x" * 300, "nul\0", "denied"]) | st.integers(0, 3)
_NUMBERS = st.integers() | st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1])
_FLOATS = st.floats() | st.sampled_from([0.1, 1e16, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, -0.0, 123456789.123])
_VALUES = st.one_of(
    *(st.none(), st.booleans(), _NUMBERS, _FLOATS, st.text(max_size=12), st.lists(st.integers(), max_size=2)),
    st.sampled_from(["NaN", "Infinity", 'a"b\\c\n\t\x00', "\x7f", "é", "\ud800", "x" * 5_000]),
)
_FEATURES = st.dictionaries(_NAMES, _VALUES, max_size=6)
_SCORES = st.none() | st.dictionaries(st.sampled_from(["p", "q", "é"]), _FLOATS | st.integers(0, 1), max_size=3)


def exact(value):
    """A JSON value in which 1, 1.0, True, 0.0 and -0.0 are different things, as are orders of names."""
    if isinstance(value, dict):
        return [(name, exact(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [exact(item) for item in value]
    return repr(value)


@settings(max_examples=150, deadline=None, database=None)
@given(_FEATURES, _SCORES)
@example({"a": 1, "b": 1.5}, {"p": 0.25})
@example({"a": "NaN"}, None)
def test_the_quick_way_is_the_careful_one(features, scores):
    """Where the quick way gives a body at all, it is the same JSON value, and nothing was to be marked."""
    names = FeatureNames(Settings(denied_features=frozenset({"denied"})))
    for _ in range(2):
        careful = FeatureBody(names)
        expected = careful._encode(features, scores)
        quick = FeatureBody(names)
        body = quick._encode_plain(features, scores)
        if body is not None:
            assert exact(json.loads(body)) == exact(json.loads(expected))
            assert careful.marks == quick.marks == []


def test_the_quick_way_is_taken():
    """Plain features with known names go the quick way: the test above is not about nothing."""
    names = FeatureNames(Settings())
    features = {"a": 1, "b": 2.5, "c": "text", "d": None, "e": True}
    assert FeatureBody(names)._encode_plain(features, {"p": 0.5}) is None
    FeatureBody(names).encode(features, {"p": 0.5})
    assert FeatureBody(names)._encode_plain(features, {"p": 0.5}) is not None
    assert FeatureBody(names)._encode_plain(features | {"b": math.nan}, {"p": 0.5}) is None
