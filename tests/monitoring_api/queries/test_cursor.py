"""Cursors: what was written is read, for the same question only."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring_api.queries import cursor as module
from services.monitoring_api.queries.cursor import Cursor, read_cursor, write_cursor
from services.monitoring_api.queries.timerange import TimeRange
from services.web.problems import BadInput

CURSOR = Cursor(2**64 - 1, "ab", TimeRange(1, 2), 3)


@given(st.integers(0, 2**64 - 1), st.text("0123456789abcdef", min_size=1, max_size=32), st.text())
def test_what_was_written_is_read(value, tie, question):
    """Whatever the place and the question; and it needs no escaping in a URL."""
    cursor = Cursor(value, tie, TimeRange(5, 6), 7)
    text = write_cursor(cursor, question)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert text.isascii()
    assert read_cursor(text, question) == cursor
    with pytest.raises(BadInput):
        read_cursor(text, question + "x")


@given(st.data())
def test_no_changed_character_goes_unseen(data):
    """Any character for any other, one left out, one put in."""
    text = write_cursor(CURSOR, "q")
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCabc019-_=. é"))
    for changed in (text[:at] + other + text[at + 1 :], text[:at] + text[at + 1 :], text[:at] + other + text[at:]):
        if changed != text:
            with pytest.raises(BadInput):
                read_cursor(changed, "q")


@pytest.mark.parametrize(
    "payload",
    [
        "x",
        "null",
        "{}",
        "[]",
        "[1]",
        '[-1,"a",1,2,3]',
        '[true,"a",1,2,3]',
        '[1.5,"a",1,2,3]',
        '["1","a",1,2,3]',
        '[18446744073709551616,"a",1,2,3]',
        "[1,2,1,2,3]",
        '[1,"",1,2,3]',
        '[1,"\\u0000",1,2,3]',
        '[1,"a",2,2,3]',
        '[1,"a",1,2,9223372036854775807]',
        '[1,"a",1,2,3,4]',
        '[1,"a",1,NaN,3]',
    ],
)
def test_a_forged_cursor_holds_nothing_that_a_statement_could_trip_over(payload):
    """The digest is no secret, so what is in it is checked all the same."""
    raw = payload.encode()
    forged = base64.urlsafe_b64encode(module._digest(raw, "q") + raw).rstrip(b"=").decode()
    with pytest.raises(BadInput) as problem:
        read_cursor(forged, "q")
    assert [error.field for error in problem.value.errors] == ["cursor"]


def test_a_forged_cursor_of_the_right_form_is_a_place_like_any():
    """It says where to begin, and nothing else."""
    raw = json.dumps([1, "a", 1, 2, 3]).encode()
    forged = base64.urlsafe_b64encode(module._digest(raw, "q") + raw).rstrip(b"=").decode()
    assert read_cursor(forged, "q") == Cursor(1, "a", TimeRange(1, 2), 3)
