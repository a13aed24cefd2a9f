"""Matchers: how they are written, and what they match."""

import time

import pytest

from services.monitoring_api.notify.matchers import Matcher, Operator, all_match, first_unmet, parse_matcher


@pytest.mark.parametrize(
    ("text", "labels", "met"),
    [
        ("severity=page", {"severity": "page"}, True),
        ("severity=page", {"severity": "pages"}, False),
        ("severity=page", {}, False),
        ("severity!=page", {"severity": "info"}, True),
        ("severity!=page", {}, True),
        ("severity=~page|ticket", {"severity": "ticket"}, True),
        ("severity=~page|ticket", {"severity": "tickets"}, False),
        ("severity=~p.*", {"severity": "p\nage"}, True),
        ("severity!~page|ticket", {"severity": "page"}, False),
        ("severity!~page|ticket", {}, True),
        ("severity=", {}, True),
        ("severity=", {"severity": "page"}, False),
        ("severity=~.+", {}, False),
        ('  severity = "page"  ', {"severity": "page"}, True),
        (r'path="a \"b\" \\ c"', {"path": 'a "b" \\ c'}, True),
        ("path=a=b", {"path": "a=b"}, True),
        ("path==b", {"path": "=b"}, True),
        ("path=~ä|\ud800", {"path": "ä"}, True),
        ("path=~.", {"path": "\ud800"}, True),
    ],
)
def test_what_it_matches(text, labels, met):
    """Equality and whole-value expressions; a label that is not there is empty text."""
    assert parse_matcher(text).matches(labels) is met


@pytest.mark.parametrize("text", ["", "severity", "=page", "se verity=page", "1x=y", "a=~(", "a" * 1001 + "=b", 7])
def test_what_is_none(text):
    """It is refused, and a wrong expression says what is wrong with it."""
    with pytest.raises(ValueError, match=r"not a matcher|the expression"):
        parse_matcher(text)


@pytest.mark.parametrize("value", ["page", 'quo"te', "back\\slash", "", " a, b ", "ä"])
def test_what_it_prints_reads_as_itself(value):
    """Its text is a matcher again: so it lies in the store."""
    for operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        matcher = Matcher("label.name", operator, value)
        assert parse_matcher(str(matcher)) == matcher


def test_no_expression_takes_long():
    """What makes a backtracking engine take for ever is a matter of milliseconds."""
    began = time.perf_counter()
    assert not parse_matcher("a=~(x+x+)+y").matches({"a": "x" * 50_000})
    assert time.perf_counter() - began < 10


def test_several():
    """All must be met; the first that is not can be named."""
    matchers = [parse_matcher("a=1"), parse_matcher("b!=2")]
    assert all_match(matchers, {"a": "1"})
    assert first_unmet(matchers, {"a": "1"}) is None
    assert first_unmet(matchers, {"a": "1", "b": "2"}) == matchers[1]
