"""Tokens: what is shown, what is kept, and how one is judged."""

import hmac
from datetime import timedelta

import pytest

from services.web.access import tokens as tokens_module
from services.web.access.authentication import authenticate
from services.web.access.scopes import ALL_SCOPES, ROLE_SCOPES, Role, Scope, granted
from services.web.access.tokens import mint, split

from .conftest import NOW

READ = frozenset({Scope.READ})


def minted(**chosen):
    """A token and its text."""
    return mint("ci", **{"scopes": READ, "delegate": False, "now": NOW, "expires_at": None, **chosen})


def test_what_is_kept_does_not_hold_what_is_shown():
    """The text is the id and 256 random bits; the record has their hash alone."""
    token, text = minted()
    identifier, secret = split(text)
    assert identifier == token.id
    assert len(secret) == 43
    assert secret not in repr(token)
    assert len({minted()[1] for _ in range(100)}) == 100


def judged(*values, tokens=(), now=NOW):
    """The verdict on Authorization headers."""
    headers = [(b"host", b"localhost"), *((b"authorization", value) for value in values)]
    return authenticate(headers, {token.id: token for token in tokens}, lambda: now)


def wrong_ones(token, text):
    """Every way in which a token can be wrong, with the reason that is counted."""
    identifier, secret = split(text)
    good = f"Bearer {text}".encode()
    return {
        "none": ((), "missing"),
        "two": ((good, good), "malformed"),
        "empty": ((b"",), "malformed"),
        "scheme alone": ((b"Bearer",), "malformed"),
        "another scheme": ((f"Basic {text}".encode(),), "malformed"),
        "no scheme": ((text.encode(),), "malformed"),
        "truncated": ((good[:-1],), "malformed"),
        "longer": ((good + b"A",), "malformed"),
        "a line": ((good + b"\n",), "malformed"),
        "not ASCII": ((b"Bearer sgt_\xff",), "malformed"),
        "full-width digits": (("Bearer " + text.replace("sgt_", "ｓｇｔ_")).encode(), "malformed"),
        "a megabyte": ((b"Bearer " + b"x" * 1_000_000,), "malformed"),
        "unknown": ((f"Bearer sgt_{'0' * 12}_{secret}".encode(),), "unknown"),
        "wrong": ((f"Bearer sgt_{identifier}_{'A' * 43}".encode(),), "wrong"),
        "last character": (
            (f"Bearer sgt_{identifier}_{secret[:-1]}{'B' if secret[-1] == 'A' else 'A'}".encode(),),
            "wrong",
        ),
        "lower case": ((f"Bearer sgt_{identifier}_{secret.swapcase()}".encode(),), "wrong"),
    }


@pytest.mark.parametrize("what", list(wrong_ones(*minted())))
def test_every_wrong_token_takes_the_same_steps(what, monkeypatch):
    """Whatever is wrong, one hash of bounded length and one comparison in constant time are made."""
    token, text = minted()
    values, reason = wrong_ones(token, text)[what]
    values = values if isinstance(values, tuple) else (values,)
    compared, hashed = [], []
    compare, digest = hmac.compare_digest, tokens_module.digest
    monkeypatch.setattr(tokens_module.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b))
    monkeypatch.setattr(tokens_module, "digest", lambda secret: hashed.append(secret) or digest(secret))
    verdict = judged(*values, tokens=[token])
    assert verdict.refusal == reason
    assert verdict.caller.scopes == frozenset()
    assert verdict.caller.token_id is None
    assert [(len(a), len(b)) for a, b in compared] == [(64, 64)]
    assert len(hashed) == 1
    assert len(hashed[0]) <= 43


def test_expired_and_revoked_tokens_are_nothing_but_named(monkeypatch):
    """They take the same steps too, have no rights, and their holder is known to the audit log."""
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(tokens_module.hmac, "compare_digest", lambda a, b: compared.append(a) or compare(a, b))
    token, text = minted(expires_at=NOW + timedelta(seconds=1), delegate=True)
    good = f"Bearer {text}".encode()
    assert judged(good, tokens=[token]).refusal is None
    late = judged(good, tokens=[token], now=NOW + timedelta(seconds=1))
    assert (late.refusal, late.caller.name, late.caller.scopes, late.delegate) == ("expired", "ci", frozenset(), False)
    from dataclasses import replace

    gone = judged(good, tokens=[replace(token, revoked_at=NOW)])
    assert (gone.refusal, gone.caller.scopes) == ("revoked", frozenset())
    assert len(compared) == 3


def test_the_scheme_is_written_in_any_case():
    """As HTTP has it."""
    token, text = minted()
    assert judged(f"bEARER  {text} ".encode(), tokens=[token]).refusal is None


def test_roles_are_sets_of_scopes_and_admin_is_all():
    """As documented."""
    assert ROLE_SCOPES[Role.OPERATOR] == {Scope.READ, Scope.OPERATE}
    assert ROLE_SCOPES[Role.INGEST] == {Scope.INGEST_LABELS}
    assert granted({Scope.ADMIN}) == ALL_SCOPES == ROLE_SCOPES[Role.ADMIN]
    assert granted({Scope.READ}) == {Scope.READ}
