"""Every route of an application, however deep it was included."""

from starlette.routing import Route

STAND_IN = "stand-in"


def every_route(app):
    """``(method, path)`` of each, with its parameters still in braces."""
    found = set(_walk(app.routes, ""))
    # What the document lists must be among them, or this walk misses some.
    documented = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert documented <= found
    return sorted(found)


def _walk(routes, prefix):
    for route in routes:
        if isinstance(route, Route):
            yield from ((method, prefix + route.path) for method in route.methods)
        else:
            # FastAPI keeps included routers as they are.
            yield from _walk(route.original_router.routes, prefix + route.include_context.prefix)


def filled(path):
    """A path with something in place of its parameters."""
    return "/".join(STAND_IN if part.startswith("{") else part for part in path.split("/"))
