"""The base that both APIs build on: the edge, problems, a landing page and liveness."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI

from services.web.edge import Edge
from services.web.handlers import install_problems
from services.web.landing import landing_router
from services.web.openapi import describe_problems


def create_base(
    title: str,
    *,
    version: str,
    max_body_bytes: int,
    allowed_hosts: Iterable[str],
    links: Mapping[str, str],
    lifespan: Any = None,
) -> FastAPI:
    """A FastAPI application with everything at its edge and no route of its own but ``/`` and ``/healthz``.

    Args:
        title: The service's name, on the landing page and in the OpenAPI document.
        version: The service's version.
        max_body_bytes: The longest request body taken; more is a 413.
        allowed_hosts: Host names answered for besides loopback ones.
        links: What the landing page links to: text -> URL.
        lifespan: FastAPI's lifespan.
    """
    # No documentation pages: they would run scripts from somebody else's server.
    app = FastAPI(
        title=title, version=version, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    install_problems(app)
    app.add_middleware(Edge, max_body_bytes=max_body_bytes, allowed_hosts=tuple(allowed_hosts))
    describe_problems(app)
    app.include_router(landing_router(title, version, links))

    @app.get("/healthz", tags=["health"], summary="Whether the process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
