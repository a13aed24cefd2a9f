"""Where a statement ends and the data of an INSERT begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.embedded_clickhouse.lexer import Incomplete, first_word, insert_head


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"select 1", "SELECT"),
        (b"  -- insert\n/* insert */ # insert\n(SELECT 1)", "SELECT"),
        (b"INSERT", "INSERT"),
        (b"'INSERT'", ""),
        (b"", ""),
    ],
)
def test_first_word(text, word):
    """Comments and parentheses do not hide it, and a string is no word."""
    assert first_word(text) == word


@pytest.mark.parametrize(
    ("text", "statement", "input_format", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\n\x01", "INSERT INTO t", "Native", b"\n\x01"),
        (b"INSERT INTO t FORMAT TSV \t\r\n1", "INSERT INTO t", "TSV", b"1"),
        (b"INSERT INTO t (a, `FORMAT x`) VALUES(1)", "INSERT INTO t (a, `FORMAT x`)", "Values", b"(1)"),
        (b"insert into t -- FORMAT x\n format CSV 1", "insert into t -- FORMAT x", "CSV", b"1"),
        (b"INSERT INTO t (values, format) FORMAT CSV\n1", "INSERT INTO t (values, format)", "CSV", b"1"),
        (b"INSERT INTO `it\\`s` FORMAT CSV\n1", "INSERT INTO `it\\`s`", "CSV", b"1"),
    ],
)
def test_heads(text, statement, input_format, data):
    """The data begins after the one line break, and names and comments are not mistaken for keywords."""
    head = insert_head(text, complete=True)
    assert (head.statement.strip(), head.input_format, text[head.data_start :]) == (statement, input_format, data)


@pytest.mark.parametrize(
    "text", [b"INSERT INTO t SELECT 1", b"INSERT INTO t WITH x AS (SELECT 1) SELECT 1", b"INSERT INTO t"]
)
def test_no_data(text):
    """INSERT ... SELECT has no data of its own."""
    assert insert_head(text, complete=True) is None


_WHOLE = b"/* c */ INSERT INTO t (a, `b`) SETTINGS x = 'FORMAT y' FORMAT Native \r\n\n\x00 FORMAT data"


@given(st.integers(min_value=0, max_value=len(_WHOLE)))
def test_a_cut_anywhere_is_incomplete_or_right(cut):
    """However the network cuts the body, the head is found later or found right, never wrong."""
    whole = insert_head(_WHOLE, complete=True)
    try:
        head = insert_head(_WHOLE[:cut], complete=False)
    except Incomplete:
        assert cut <= whole.data_start
    else:
        assert head == whole
