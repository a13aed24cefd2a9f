"""Text from data stays text."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.plain_text import one_line, plain


def unescaped(markdown: str) -> str:
    """What markdown shows of escaped text, without the joiners that nobody sees."""
    return re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", markdown).replace("\u2060", "")


@given(st.text(alphabet=string.printable, max_size=100))
def test_every_letter_is_shown_as_it_is(text: str) -> None:
    """Escaping loses nothing but control characters."""
    assert unescaped(plain(text)) == one_line(text)


@pytest.mark.parametrize(
    "text", ["**b**", "_i_", "`c`", "[x](y)", "<b>", "# h", "a | b", "$x$", "~~s~~", "&amp;", "1. a"]
)
def test_no_markdown_survives(text: str) -> None:
    """Each character with a meaning has a backslash before it."""
    assert not re.search(r"(?<!\\)[*_`\[\]<>#|$~&]", plain(text))


@pytest.mark.parametrize(
    "text", [":smile:", ":material/home:", "http://example.org", "a@example.org", "www.example.org"]
)
def test_codes_and_addresses_are_broken_up(text: str) -> None:
    """What is looked for behind markdown's back finds an invisible joiner in its way."""
    assert text not in plain(text).replace("\\", "")


def test_control_characters_and_reordering_go() -> None:
    """Lines stay one line and are read in the direction they are written."""
    assert one_line("a\nb\x00c\u202ed\u2066e") == "a b c d e"


def test_a_megabyte_becomes_a_line() -> None:
    """Long text is cut, and says so."""
    assert one_line("x" * 1_000_000, 10) == "xxxxxxxxxx…"
    assert one_line("x" * 10, 10) == "x" * 10
