"""Says to whoever logs statements which route it is that asks."""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from services.monitoring_api.database.asker import ASKING_ROUTE


class NamesRoute:
    """ASGI middleware; the route is found out by the router, further in, and looked up only when somebody asks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        token = ASKING_ROUTE.set(lambda: route_of(scope))
        try:
            await self._app(scope, receive, send)
        finally:
            ASKING_ROUTE.reset(token)


def route_of(scope: Mapping[str, Any]) -> str | None:
    """The path of the route that a request was matched to, with its parameters in braces; None before that."""
    # FastAPI keeps included routers as they are: a route's own path is without their prefixes.
    whole = getattr(scope.get("fastapi", {}).get("effective_route_context"), "path_format", None)
    path = whole or getattr(scope.get("route"), "path", None)
    return None if path is None else str(path)
