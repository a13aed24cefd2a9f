"""Who asks, as far as that is known."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from starlette.types import Scope as RequestScope

from services.web.access.scopes import ALL_SCOPES, Scope

ANYBODY: Final = "anonymous"
_KEY: Final = "sightglass.caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Args:
        name: The token's name; `anonymous` where there is none.
        token_id: The token's id.
        scopes: What they may do.
        user: On whose behalf the token's holder asks.
        expires_at: From when the token is refused, UTC; None never, or where there is none.
    """

    name: str
    token_id: str | None
    scopes: frozenset[Scope]
    user: str | None = None
    expires_at: datetime | None = None

    def acting_for(self, user: str, scopes: frozenset[Scope]) -> "Caller":
        """The same for a user: never with more than either may do."""
        return replace(self, user=user, scopes=self.scopes & scopes)


# Where no token is asked for, everybody may do everything.
UNASKED: Final = Caller(ANYBODY, None, ALL_SCOPES)
NOBODY: Final = Caller(ANYBODY, None, frozenset())


def set_caller(scope: RequestScope, caller: Caller) -> None:
    """Keep with a request who asks."""
    scope[_KEY] = caller


def caller_of(scope: RequestScope) -> Caller:
    """Who sends a request; nobody, with no rights, where no gate looked at it."""
    caller: Caller = scope.get(_KEY, NOBODY)
    return caller
