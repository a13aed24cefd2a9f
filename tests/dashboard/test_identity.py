"""Who asks: what the API is told, what the page shows, what answers are shared by."""

import pytest
from pydantic import SecretStr

from dashboard.identity import Identity, bearer

TOKEN = f"sgt_0123456789ab_{'S' * 43}"


def test_a_token_is_sent_and_shown_nowhere() -> None:
    """Neither its name nor its representation holds the secret; whose it is, the API says."""
    somebody = bearer(f"  {TOKEN}\n")
    assert somebody is not None
    assert somebody.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert "SSS" not in repr(somebody) + somebody.name + somebody.rights


@pytest.mark.parametrize("text", ["", "  ", "a b", "a\nHost: evil", "tökèn", "x" * 513, "x" * 1_000_000, "\x00"])
def test_what_cannot_be_a_token_is_never_sent(text: str) -> None:
    """Nothing that would break a header, and nothing endless."""
    assert bearer(text) is None


def test_answers_are_shared_only_among_equals() -> None:
    """Two tokens, two roles, and a role and a token never share; two viewers do."""
    own = SecretStr("own")
    everybody = [
        Identity(),
        Identity(SecretStr("a")),
        Identity(SecretStr("b")),
        Identity(own, "ann@example.org", "viewer", delegated=True),
        Identity(own, "ann@example.org", "operator", delegated=True),
    ]
    assert len({somebody.rights for somebody in everybody}) == len(everybody)
    assert Identity(own, "bob@example.org", "viewer", delegated=True).rights == everybody[3].rights


def test_only_the_dashboards_own_token_speaks_for_somebody() -> None:
    """On-behalf headers go out with a delegated identity alone."""
    assert Identity(SecretStr("own"), "ann@example.org", "viewer", delegated=True).headers == {
        "Authorization": "Bearer own",
        "X-Sightglass-User": "ann@example.org",
        "X-Sightglass-Role": "viewer",
    }
    assert Identity().headers == {}
