"""Whether a request is let in: its token, what that allows, for whom it asks, and how often."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from starlette.types import Scope as RequestScope

from services.web.access import refusals
from services.web.access.authentication import Verdict, authenticate
from services.web.access.caller import UNASKED, Caller, caller_of, set_caller
from services.web.access.delegation import act_for_user
from services.web.access.places import Places
from services.web.access.policy import Need
from services.web.access.rate_limit import RateLimit, network_of
from services.web.access.refusals import Refusals
from services.web.access.scopes import Scope
from services.web.access.watched_tokens import TokensUnknownError, WatchedTokens
from services.web.problems import FieldError, Forbidden, Problem, TooManyRequests, Unauthorized, Unavailable


class Access:
    """Judges requests.

    Args:
        tokens: The tokens; None where none is asked for.
        rate: How often one client may ask; None without limit.
        places: How many requests one client may have under way; None without limit.
        clock: The time, aware.
    """

    def __init__(
        self,
        tokens: WatchedTokens | None = None,
        rate: RateLimit | None = None,
        places: Places | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tokens = tokens
        self._rate = rate
        self._places = places
        self._clock = clock
        self.refusals = Refusals()

    def admit(self, request: RequestScope, need: Need) -> None:
        """Find out who sends a request and whether they may; the caller is kept with the request, also when refused.

        Raises:
            Unauthorized: There is no token, or none that is good.
            Forbidden: The token does not allow this.
            TooManyRequests: The client asks too often.
            BadInput: The headers that name a user can't be used.
            Unavailable: The tokens can't be read.
        """
        address = _address_of(request)
        if need.is_open:
            self._count(address)
            return
        verdict = self._verdict(request)
        set_caller(request, verdict.caller)
        if verdict.refusal is not None:
            self.refusals.count(verdict.refusal)
            self._count_failure(address)
            raise Unauthorized
        self._count(verdict.caller.token_id or address)
        try:
            caller = act_for_user(verdict, request["headers"])
        except Problem:
            self.refusals.count(refusals.DELEGATION)
            raise
        set_caller(request, caller)
        if need.scope is not None and need.scope not in caller.scopes:
            self.refusals.count(refusals.SCOPE)
            raise _lacking(caller, need.scope)

    @contextmanager
    def place(self, request: RequestScope, need: Need) -> Iterator[None]:
        """Around an admitted request: it takes one of its client's places, and gives it back however it ends.

        Raises:
            TooManyRequests: On entering, when the client has as many requests under way as it may.
        """
        if self._places is None or need.is_open:
            yield
            return
        client = caller_of(request).token_id or _address_of(request)
        if not self._places.take(client):
            self.refusals.count(refusals.CONCURRENCY)
            raise _too_many("This client has as many requests under way as it may", 1)
        try:
            yield
        finally:
            self._places.give_back(client)

    def _verdict(self, request: RequestScope) -> Verdict:
        if self._tokens is None:
            # Who is asked for nothing may still say for whom they ask, and is then held to that role.
            return Verdict(UNASKED, delegate=True)
        try:
            tokens = self._tokens.current()
        except TokensUnknownError:
            self.refusals.count(refusals.UNCHECKED)
            raise Unavailable(
                "Tokens can't be checked now, so nobody is let in; this process's log says why."
            ) from None
        return authenticate(request["headers"], tokens, self._clock)

    def _count(self, client: str) -> None:
        if self._rate is not None and (wait := self._rate.take(client)):
            self.refusals.count(refusals.RATE)
            raise _too_many("This client asks too often", wait)

    def _count_failure(self, address: str) -> None:
        if self._rate is not None and (wait := self._rate.take_failure(address)):
            self.refusals.count(refusals.RATE)
            raise _too_many("Too many requests without a good token came from this address", wait)


def _address_of(request: RequestScope) -> str:
    return network_of(request["client"][0]) if request.get("client") else "unknown"


def _lacking(caller: Caller, scope: Scope) -> Forbidden:
    who = "The role of this user" if caller.user is not None else "This token"
    return Forbidden(
        f"{who} does not allow this: it needs the scope {scope}.",
        errors=[FieldError("scope", f"{scope} is needed")],
    )


def _too_many(what: str, wait_seconds: int) -> TooManyRequests:
    return TooManyRequests(
        f"{what}; wait {wait_seconds} s, then ask again.", headers={"Retry-After": str(wait_seconds)}
    )
