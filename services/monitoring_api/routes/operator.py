"""Under whose name an operator's action is kept."""

from fastapi import Request

from services.web.access.caller import caller_of


def author_of(request: Request) -> str:
    """The user on whose behalf the caller asks, else the token's name; `anonymous` where no token is asked for."""
    caller = caller_of(request.scope)
    return caller.user or caller.name
