"""The base that both APIs build on: the edge, the gate, problems, a landing page and liveness."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from services.web.access.access import Access
from services.web.access.audit import AuditLog
from services.web.access.gate import Gate
from services.web.access.places import Places
from services.web.access.policy import Policy
from services.web.access.rate_limit import RateLimit
from services.web.access.token_file import TokenFile
from services.web.access.watched_tokens import WatchedTokens
from services.web.edge import Edge
from services.web.handlers import install_problems
from services.web.hosts import HostRule
from services.web.landing import landing_router
from services.web.leaving import Leaving
from services.web.listener_settings import ListenerSettings
from services.web.openapi import describe_access, describe_problems
from services.web.request_body import BodyLimits

# What a page of another origin may send, and read of an answer.
_CORS_METHODS: Final = ("GET", "POST", "DELETE")
_CORS_HEADERS: Final = ("Authorization", "Content-Type")
_CORS_EXPOSED: Final = ("Retry-After", "WWW-Authenticate", "X-Trace-Id", "traceresponse")


def create_base(
    title: str,
    settings: ListenerSettings,
    *,
    process: str,
    version: str,
    max_body_bytes: int,
    policy: Policy,
    links: Mapping[str, str],
    requests_at_once: int | None = None,
    lifespan: Any = None,
) -> FastAPI:
    """A FastAPI application with everything at its edge and no route of its own but ``/`` and ``/healthz``.

    Args:
        title: The service's name, on the landing page and in the OpenAPI document.
        settings: By which names it answers, and whom it lets in.
        process: What the audit log calls it.
        version: The service's version.
        max_body_bytes: The longest request body taken; more is a 413.
        policy: What each route needs; what it does not name is closed.
        links: What the landing page links to: text -> URL.
        requests_at_once: Most requests of one client under way; None without limit.
        lifespan: FastAPI's lifespan.
    """
    # No documentation pages: they would run scripts from somebody else's server.
    app = FastAPI(
        title=title, version=version, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    asks = settings.asks_for_token()
    rate = settings.requests_per_second()
    access = Access(
        tokens=WatchedTokens(TokenFile(settings.tokens_path())) if asks else None,
        rate=None if rate is None else RateLimit(rate),
        places=None if requests_at_once is None else Places(requests_at_once),
    )
    # From the inside out: each layer sees only what the ones after it let through.
    install_problems(app)
    app.add_middleware(BodyLimits, max_body_bytes=max_body_bytes)
    app.add_middleware(Leaving)
    app.add_middleware(Gate, policy=policy, access=access, audit=AuditLog(settings.audit_folder(), process))
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=_CORS_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
        )
    app.add_middleware(
        Edge,
        hosts=HostRule(settings.allowed_hosts, settings.cors_origins),
        refusals=access.refusals,
        tls=settings.serves_tls(),
        private=asks,
    )
    describe_problems(app)
    if asks:
        describe_access(app, policy)
    app.include_router(landing_router(title, version, links))

    @app.get("/healthz", tags=["health"], summary="Whether the process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
