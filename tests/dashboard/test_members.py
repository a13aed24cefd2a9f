"""Who of those whom a provider knows may look, and as what."""

from typing import Any

import pytest

from dashboard.members import Refusal, role_of

NOW = 1_800_000_000.0


def role(**claims: Any) -> str | Refusal:
    """The role of somebody whose provider signed these claims a minute ago."""
    return role_of(
        {"iat": NOW - 60, "email_verified": True, **claims},
        viewers=("ann@example.org", "*@Example.com", "oz@example.org"),
        operators=("OZ@example.org",),
        now=NOW,
        hours=12,
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann@example.org", "viewer"),
        ("Ann@Example.ORG", "viewer"),
        ("anybody@example.com", "viewer"),
        ("oz@example.org", "operator"),
        ("eve@example.org", Refusal.NOT_LISTED),
        ("eve@evil-example.com", Refusal.NOT_LISTED),
        ("eve@sub.example.com", Refusal.NOT_LISTED),
        ("eve@example.com.evil.org", Refusal.NOT_LISTED),
        ("*@example.com", Refusal.NO_ADDRESS),
        ("eve@evil.org@example.com", Refusal.NO_ADDRESS),
        ("eve@example.com\n", Refusal.NO_ADDRESS),
        ("a b@example.com", Refusal.NO_ADDRESS),
        ("\u017fally@example.com", Refusal.NO_ADDRESS),
        (f"{'a' * 300}@example.com", Refusal.NO_ADDRESS),
        ("", Refusal.NO_ADDRESS),
        (None, Refusal.NO_ADDRESS),
        (["ann@example.org"], Refusal.NO_ADDRESS),
    ],
)
def test_only_those_listed_get_in(address: Any, expected: str | Refusal) -> None:
    """Exact addresses and whole domains, whatever their case; nothing that merely looks alike."""
    assert role(email=address) == expected


@pytest.mark.parametrize("verified", [False, "false", "False", None, 0, "no"])
def test_an_unverified_address_is_nobodys(verified: Any) -> None:
    """Whoever can type an address into a profile is not its owner."""
    assert role(email="ann@example.org", email_verified=verified) is Refusal.NOT_VERIFIED


def test_a_provider_may_leave_verification_out() -> None:
    """Some know their own domain's addresses and say nothing."""
    claims = {"iat": NOW, "email": "ann@example.org"}
    assert role_of(claims, viewers=("ann@example.org",), operators=(), now=NOW, hours=1) == "viewer"


@pytest.mark.parametrize("issued", [NOW - 12 * 3600 - 1, None, "yesterday"])
def test_a_sign_in_ends(issued: Any) -> None:
    """However long the browser keeps its cookie."""
    assert role(email="ann@example.org", iat=issued) is Refusal.TOO_OLD
