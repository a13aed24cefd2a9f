"""A bearer token: its text, which is shown once, and what is kept of it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.web.access.scopes import Scope

# Anywhere in a text: what looks like one of our tokens, also a damaged one.
TOKEN_LOOK: Final = re.compile(rb"sgt_[0-9a-f]{12}_")
_TEXT: Final = re.compile(r"sgt_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
# What an unknown token is compared with: no secret has this digest that anybody could find.
_NOBODY: Final = "0" * 64
_NOTHING: Final = ("", "")


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token.

    Args:
        id: 12 hexadecimal digits, part of its text, and no secret.
        name: Whose it is; a rotated token shares its name with the one before.
        scopes: What it may be used for.
        delegate: Whether its holder may act on behalf of users.
        created_at: UTC.
        expires_at: From when it is refused, UTC; None never.
        revoked_at: When it was revoked, UTC; None if it was not.
        sha256: Digest of the secret, in hexadecimal. The secret has 256 random bits, so that a slow hash would protect
            it from nothing: there is no list of likely secrets to try.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    delegate: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    sha256: str

    def refusal(self, now: datetime) -> str | None:
        """Why it is no longer good, as one word; None when it is."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else None


def mint(
    name: str, *, scopes: frozenset[Scope], delegate: bool, now: datetime, expires_at: datetime | None
) -> tuple[Token, str]:
    """A new token, and its text, which nothing keeps."""
    identifier, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    token = Token(identifier, name, scopes, delegate, now, expires_at, None, digest(secret))
    return token, f"sgt_{identifier}_{secret}"


def digest(secret: str) -> str:
    """The SHA-256 of a secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split(text: str) -> tuple[str, str] | None:
    """The id and the secret in a token's text; None when it is not one."""
    found = _TEXT.fullmatch(text)
    return None if found is None else (found[1], found[2])


def matches(presented: tuple[str, str] | None, token: Token | None) -> bool:
    """Whether the presented secret is the token's: one hash and one comparison, also where one of them is missing."""
    _, secret = presented or _NOTHING
    return hmac.compare_digest(digest(secret), _NOBODY if token is None else token.sha256)
