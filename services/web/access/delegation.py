"""Acting on behalf of a user: what the dashboard does, whose one token serves all who are signed in to it."""

from collections.abc import Iterable, Sequence
from typing import Final

from services.web.access.authentication import Verdict
from services.web.access.caller import Caller
from services.web.access.scopes import PERSONAL_ROLES, ROLE_SCOPES, Role
from services.web.problems import BadInput, FieldError, Forbidden

USER_HEADER: Final = "X-Sightglass-User"
ROLE_HEADER: Final = "X-Sightglass-Role"
_LONGEST_USER: Final = 256
_USER: Final = USER_HEADER.lower().encode()
_ROLE: Final = ROLE_HEADER.lower().encode()


def act_for_user(verdict: Verdict, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
    """The caller, as the user that the request's headers name; unchanged where they name none.

    Args:
        verdict: Who asks, and whether they may do this.
        headers: As the server gives them: names in lower case.

    Raises:
        Forbidden: The token was not made for this.
        BadInput: Naming the header that is missing or can't be used.
    """
    given: dict[bytes, list[bytes]] = {_USER: [], _ROLE: []}
    for name, value in headers:
        if name in given:
            given[name].append(value)
    if not given[_USER] and not given[_ROLE]:
        return verdict.caller
    if not verdict.delegate:
        raise Forbidden(
            f"This token may not act on behalf of users: leave {USER_HEADER} and {ROLE_HEADER} out, or make a token "
            "that may with `sightglass tokens create NAME --delegate`.",
            errors=[FieldError(USER_HEADER if given[_USER] else ROLE_HEADER, "not allowed with this token")],
        )
    return verdict.caller.acting_for(_user(given[_USER]), ROLE_SCOPES[_role(given[_ROLE])])


def _user(values: Sequence[bytes]) -> str:
    try:
        user = _only(values, USER_HEADER).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise _bad(USER_HEADER, "not UTF-8") from None
    if not 0 < len(user) <= _LONGEST_USER or not user.isprintable():
        raise _bad(USER_HEADER, f"not a text of 1 to {_LONGEST_USER} printable characters")
    return user


def _role(values: Sequence[bytes]) -> Role:
    text = _only(values, ROLE_HEADER).decode("latin-1").strip()
    for role in PERSONAL_ROLES:
        if text == role:
            return role
    raise _bad(ROLE_HEADER, f"not one of {', '.join(PERSONAL_ROLES)}")


def _only(values: Sequence[bytes], name: str) -> bytes:
    if len(values) != 1:
        raise _bad(name, "sent more than once" if values else "required, for the user and the role go together")
    return values[0]


def _bad(name: str, message: str) -> BadInput:
    return BadInput(f"The header {name} is not acceptable: {message}.", errors=[FieldError(name, message)])
