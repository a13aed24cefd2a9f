"""The name and route of a request's span, matched as the stock instrumentation does."""

from collections.abc import Callable, MutableMapping
from typing import Any, Final

Details = tuple[str, dict[str, str]]

_MOST: Final = 1_024


class SpanNames:
    """Asks the application's routes once for each path that is a route by itself.

    A path with parameters has any number of values, and a route that looks at more than method and path can't be
    remembered by them: for these the routes are asked each time.

    Args:
        ask: Matches a request against the routes.
    """

    def __init__(self, ask: Callable[[Any], Details]) -> None:
        self._ask = ask
        self._known: dict[tuple[Any, Any, Any], Details] = {}
        self._judged: tuple[int, int] | None = None
        self._plain = False

    def find(self, scope: MutableMapping[str, Any]) -> Details:
        """The span's name, and its attributes besides those of the request."""
        key = (scope["method"], scope["path"], scope.get("root_path"))
        found = self._known.get(key)
        if found is not None and self._still(scope["app"]):
            return found
        details = self._ask(scope)
        route = details[1].get("http.route")
        if route and "{" not in route and self._still(scope["app"]) and self._plain and len(self._known) < _MOST:
            self._known[key] = details
        return details

    def _still(self, app: Any) -> bool:
        """Whether the routes are those that were judged before; if not, forget and judge anew."""
        routes = app.router.routes
        state = (id(routes), len(routes))
        if state == self._judged:
            return True
        self._known.clear()
        self._judged = state
        self._plain = all(_looks_at_method_and_path(route) for route in _flattened(routes))
        return False


def _flattened(routes: Any) -> list[Any]:
    found = []
    for route in routes:
        found.append(route)
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        found += _flattened(inner) if inner else []
    return found


def _looks_at_method_and_path(route: Any) -> bool:
    """Whether its matching is FastAPI's or Starlette's own, and no host's."""
    matches = getattr(type(route), "matches", None)
    module = getattr(matches, "__module__", "")
    return module in ("starlette.routing", "fastapi.routing") and type(route).__name__ != "Host"
