"""Kept buckets as bytes: what goes in comes out, and nothing else does."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring_api.queries.bucket_cache import CachedBucket
from services.monitoring_api.queries.bucket_encoding import decoded, encoded
from services.monitoring_api.queries.series import SeriesRow

QUESTION = bytes(range(32))
# Every text that Python can hold, lone surrogates too.
TEXTS = st.text(st.characters(codec=None, categories=None))
ROWS = st.builds(
    lambda value, base, other, group: SeriesRow(7, value, base, other, tuple(group)),
    st.none() | st.integers() | st.floats(allow_nan=False),
    st.integers() | st.floats(allow_nan=False),
    st.booleans() | st.sampled_from([0, 1]),
    st.lists(TEXTS, max_size=4),
)


@given(st.integers(0, 2**62), st.lists(ROWS, max_size=5))
def test_a_bucket_comes_back_as_it_was(as_of_us, rows):
    """Each float to its last bit and each whole number as one, each group's text whatever is in it."""
    entry = CachedBucket(as_of_us, tuple(rows))
    found = decoded(QUESTION, 7, encoded(QUESTION, 7, entry))
    assert found == entry
    kinds = [[(type(row.value), type(row.base)) for row in each.rows] for each in (found, entry)]
    assert kinds[0] == kinds[1]


def test_a_value_that_is_no_number_comes_back():
    """NaN is not equal to itself, but is told from null."""
    entry = CachedBucket(1, (SeriesRow(7, math.nan, math.inf, False, ()),))
    (row,) = decoded(QUESTION, 7, encoded(QUESTION, 7, entry)).rows
    assert math.isnan(row.value)
    assert row.base == math.inf


@given(st.binary(max_size=60))
def test_other_bytes_are_no_bucket(data):
    """Whatever somebody else wrote there is taken for nothing, with the question's tag and without."""
    assert decoded(QUESTION, 7, data) is None
    assert decoded(QUESTION, 7, QUESTION[:8] + data) is None


ODD = [
    b"[7,1,[]]x",
    b"[8,1,[]]",
    b"[7,1.0,[]]",
    b"[7,true,[]]",
    b"[7,1,{}]",
    b'[7,1,"ab"]',
    b"[7,1,[[1.0,2.0]]]",
    b"[7,1,[[true,2.0,false]]]",
    b"[7,1,[[1.0,null,false]]]",
    b"[7,1,[[1.0,2.0,0]]]",
    b"[7,1,[[1.0,2.0,false,3]]]",
    b"[7,1,[[1.0,2.0,false,null]]]",
    b'{"7":1,"8":2,"9":3}',
    b"[" * 100_000,
    b"7" * 10_000,
    pickle.dumps([7, 1, []]),
    "[7,1,[]]".encode("utf-16"),
]


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_what_only_looks_like_a_bucket_is_none(data):
    """Types are checked to the last one."""
    assert decoded(QUESTION, 7, QUESTION[:8] + b"[7,1,[]]") == CachedBucket(1, ())
    assert decoded(QUESTION, 7, QUESTION[:8] + data) is None


def test_another_question_s_bucket_is_none():
    """An answer that came the wrong way is never taken for ours."""
    data = encoded(QUESTION, 7, CachedBucket(1, ()))
    assert decoded(bytes(32), 7, data) is None
    assert decoded(QUESTION, 8, data) is None
