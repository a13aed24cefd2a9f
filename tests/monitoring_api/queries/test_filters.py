"""Filters as people write them."""

import pytest

from services.monitoring_api.queries.filters import MOST_FILTERS, Filter, Operator, parse_filter, parse_filters
from services.web.problems import BadInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("service=ml-api", Filter("service", Operator.EQUAL, ("ml-api",))),
        ("service!=ml-api", Filter("service", Operator.NOT_EQUAL, ("ml-api",))),
        ("route^=/v1/", Filter("route", Operator.PREFIX, ("/v1/",))),
        ("service=in(a,b)", Filter("service", Operator.IN, ("a", "b"))),
        ("service!=in(a,b)", Filter("service", Operator.NOT_IN, ("a", "b"))),
        (r"service=in(a\,b,c)", Filter("service", Operator.IN, ("a,b", "c"))),
        ("route=", Filter("route", Operator.EQUAL, ("",))),
        ("route=a=b", Filter("route", Operator.EQUAL, ("a=b",))),
        ("route==x", Filter("route", Operator.EQUAL, ("=x",))),
        ('route=it\'s 100% "sure"', Filter("route", Operator.EQUAL, ('it\'s 100% "sure"',))),
        ("route=two\nlines", Filter("route", Operator.EQUAL, ("two\nlines",))),
        ("route^=in(", Filter("route", Operator.PREFIX, ("in(",))),
    ],
)
def test_a_filter_is_read_as_written(text, expected):
    """Key, operator and value come out as they stand; quotes, percent signs and line ends are ordinary characters."""
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    "text", ["", "service", "=x", "a b=c", "a'b=c", "service=\0", "service=" + "x" * 4096, "a;b=1"]
)
def test_what_is_no_filter_is_refused_by_name(text):
    """Anything else is a problem that names the parameter."""
    with pytest.raises(BadInput) as caught:
        parse_filter(text)
    assert [error.field for error in caught.value.errors] == ["filter"]


def test_there_may_be_twenty():
    """More filters than anybody needs are refused."""
    assert len(parse_filters(["service=a"] * MOST_FILTERS)) == MOST_FILTERS
    with pytest.raises(BadInput):
        parse_filters(["service=a"] * (MOST_FILTERS + 1))
