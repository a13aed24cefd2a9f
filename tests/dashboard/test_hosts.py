"""Which names the dashboard answers for: the same as both APIs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.hosts import HostRule as ApiRule
from sightglass.host_names import HostNames

ALLOWED = ("things.example.org", "*.inner.example.org")
AUTHORITIES = (
    "localhost",
    "localhost:8501",
    "LOCALHOST.",
    "127.0.0.1:1",
    "127.8.8.8",
    "[::1]:8501",
    "things.example.org:80",
    "a.inner.example.org",
    "inner.example.org",
    "evil.example.com",
    "localhost.evil.example.com",
    "127.0.0.1.evil.example.com",
    "evil@localhost",
    "10.0.0.1",
    "",
    "[::1",
)


@pytest.mark.parametrize("allowed", [(), ALLOWED, ("*",), ("  ", "A.example.")])
@pytest.mark.parametrize("authority", AUTHORITIES)
def test_the_rule_is_that_of_the_apis(allowed: tuple[str, ...], authority: str) -> None:
    """A name that one of them answers for is answered by the other."""
    assert HostNames(allowed).admits(authority) is ApiRule(allowed).admits(authority)


@given(st.text(alphabet="alocsthe.:[]@/1270*#?% ", max_size=24))
def test_it_is_that_for_any_text(authority: str) -> None:
    """Also for what no client sends."""
    assert HostNames(ALLOWED).admits(authority) is ApiRule(ALLOWED).admits(authority)


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("http://localhost:8501", True),
        ("https://things.example.org", True),
        ("https://evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://[", False),
        ("null", False),
        ("", False),
    ],
)
def test_pages_of_our_names_alone_are_talked_to(origin: str, admitted: bool) -> None:
    """An origin without a host is none of ours."""
    assert HostNames(ALLOWED).admits_origin(origin) is admitted
