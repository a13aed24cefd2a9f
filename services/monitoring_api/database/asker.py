"""On behalf of which route a statement is sent: known to the route, told in the log of slow statements."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final


def _nobody() -> None:
    return None


# Set by the API for each request, and passed on with the context to whatever task does the asking.
ASKING_ROUTE: Final[ContextVar[Callable[[], str | None]]] = ContextVar("asking_route", default=_nobody)
