"""Making, replacing and ending tokens."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.web.access.scopes import Scope
from services.web.access.token_file import TokenFile, Tokens, ending, usable
from services.web.access.tokens import Token, mint

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_ID: Final = re.compile(r"[0-9a-f]{12}")


class RegisterError(Exception):
    """What was asked for can't be done; says why, and what can."""


def create_token(
    file: TokenFile,
    name: str,
    *,
    scopes: frozenset[Scope],
    delegate: bool,
    now: datetime,
    expires_at: datetime | None,
) -> tuple[Token, str]:
    """Add a token; returns it with its text, which nothing keeps.

    Raises:
        RegisterError: The name is not one, or has a usable token already.
        TokenFileError: The file can't be used.
    """
    if not _NAME.fullmatch(name) or _ID.fullmatch(name):
        raise RegisterError(
            f"{name!r} can't be a token's name: 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit, "
            "and not 12 hexadecimal digits, which would be an id."
        )

    def add(tokens: Tokens) -> tuple[Tokens, tuple[Token, str]]:
        if usable(_named(tokens, name), now):
            raise RegisterError(
                f"There is a token {name} already: `sightglass tokens rotate {name}` replaces it, "
                f"`sightglass tokens revoke {name}` ends it."
            )
        made = mint(name, scopes=scopes, delegate=delegate, now=now, expires_at=expires_at)
        return (*tokens, made[0]), made

    return file.change(add)


def rotate_token(
    file: TokenFile, name: str, *, overlap: timedelta, now: datetime, lifetime: timedelta | None
) -> tuple[Token, str, list[Token]]:
    """Make a token that may do what the newest of that name may, and let the ones before end after `overlap`.

    Args:
        file: Where they are.
        name: Whose token.
        overlap: How long the ones before stay good.
        now: The time, aware.
        lifetime: How long the new one is good; None: as long as the one before was when it was made.

    Returns:
        The new one, its text, and those that end.

    Raises:
        RegisterError: No usable token has that name.
        TokenFileError: The file can't be used.
    """

    def turn(tokens: Tokens) -> tuple[Tokens, tuple[Token, str, list[Token]]]:
        before = usable(_named(tokens, name), now)
        if not before:
            raise RegisterError(f"No usable token is named {name}: `sightglass tokens create {name}` makes one.")
        newest = max(before, key=lambda token: token.created_at)
        expires_at = now + lifetime if lifetime is not None else _prolonged(newest, now)
        made, text = mint(name, scopes=newest.scopes, delegate=newest.delegate, now=now, expires_at=expires_at)
        ended = {token.id: ending(token, now + overlap) for token in before}
        return (*(ended.get(token.id, token) for token in tokens), made), (made, text, list(ended.values()))

    return file.change(turn)


def revoke_tokens(file: TokenFile, name_or_id: str, now: datetime) -> tuple[list[Token], list[Token]]:
    """End every token of that name, or the one with that id.

    Returns:
        Those that were ended now, and those that had been revoked before.

    Raises:
        RegisterError: There is no such token.
        TokenFileError: The file can't be used.
    """

    def end(tokens: Tokens) -> tuple[Tokens, tuple[list[Token], list[Token]]]:
        meant = [token for token in tokens if name_or_id in (token.id, token.name)]
        if not meant:
            raise RegisterError(f"No token has the name or id {name_or_id!r}; `sightglass tokens list` shows all.")
        ended = {token.id: replace(token, revoked_at=now) for token in meant if token.revoked_at is None}
        rest = [token for token in meant if token.revoked_at is not None]
        return tuple(ended.get(token.id, token) for token in tokens), (list(ended.values()), rest)

    return file.change(end)


def _named(tokens: Sequence[Token], name: str) -> list[Token]:
    return [token for token in tokens if token.name == name]


def _prolonged(token: Token, now: datetime) -> datetime | None:
    return None if token.expires_at is None else now + (token.expires_at - token.created_at)
