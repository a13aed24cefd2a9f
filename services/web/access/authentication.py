"""From the Authorization header to a caller, in the same number of steps whatever is wrong with it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.web.access.caller import NOBODY, Caller
from services.web.access.scopes import granted
from services.web.access.tokens import Token, matches, split

# "Bearer", a space and 60 characters; more is not one of ours, and is not looked at, however long.
_LONGEST_HEADER: Final = 128
_SCHEME: Final = "bearer "

MISSING: Final = "missing"
MALFORMED: Final = "malformed"
UNKNOWN: Final = "unknown"
WRONG: Final = "wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request's credentials are worth.

    Args:
        caller: Who asks; for an expired or revoked token its holder, without any right.
        refusal: Why they are not let in, as one word for the metric; None when they are. Never told to them.
        delegate: Whether they may act on behalf of users.
    """

    caller: Caller
    refusal: str | None = None
    delegate: bool = False


def authenticate(
    headers: Iterable[tuple[bytes, bytes]], tokens: Mapping[str, Token], clock: Callable[[], datetime]
) -> Verdict:
    """Judge a request by its Authorization header.

    Each way through here makes one hash of bounded length and one comparison in constant time, so that an answer's time
    tells nothing of what is wrong.

    Args:
        headers: As the server gives them: names in lower case.
        tokens: Every token by its id.
        clock: The time, aware.
    """
    found = [value for name, value in headers if name == b"authorization"]
    presented = _presented(found)
    token = None if presented is None else tokens.get(presented[0])
    right = matches(presented, token)
    now = clock()
    if presented is None:
        return Verdict(NOBODY, MALFORMED if found else MISSING)
    if token is None or not right:
        return Verdict(NOBODY, UNKNOWN if token is None else WRONG)
    refusal = token.refusal(now)
    scopes = granted(token.scopes) if refusal is None else frozenset()
    caller = Caller(token.name, token.id, scopes, expires_at=token.expires_at)
    return Verdict(caller, refusal, token.delegate and refusal is None)


def _presented(found: list[bytes]) -> tuple[str, str] | None:
    if len(found) != 1 or len(found[0]) > _LONGEST_HEADER:
        return None
    text = found[0].decode("latin-1")
    return split(text[len(_SCHEME) :].strip(" ")) if text[: len(_SCHEME)].lower() == _SCHEME else None
