"""The outermost layer of every HTTP service of ours: names and URLs that we answer, and the headers of answers."""

from typing import Final

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.web.access.refusals import IN_URL, Refusals
from services.web.access.url_secrets import holds_secret
from services.web.hosts import HostRule
from services.web.parameters import check_path, check_query
from services.web.problems import Problem, UrlHoldsToken

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)
# A year. Not for subdomains, which may be somebody else's.
_TLS_HEADERS: Final = ((b"strict-transport-security", b"max-age=31536000"),)
# What is answered to a token is for nobody else, and no cache keeps it.
_TOKEN_HEADERS: Final = ((b"cache-control", b"no-store"),)
_REDACTED: Final = "REDACTED"


class Edge:
    """ASGI middleware: Host, Origin and URL are judged, and every answer gets security headers.

    Args:
        app: The application behind it.
        hosts: By which names we are asked, and by whose pages.
        refusals: Counts tokens in URLs.
        tls: Whether it is served by HTTPS.
        private: Whether what is answered depends on who asks.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: HostRule, refusals: Refusals, tls: bool = False, private: bool = False
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._refusals = refusals
        self._headers = (*_HEADERS, *(_TLS_HEADERS if tls else ()), *(_TOKEN_HEADERS if private else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, judged before the application sees it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._headers if pair[0] not in given)]
            await send(message)

        try:
            self._check(scope)
        except Problem as problem:
            await problem.response()(scope, receive, secured)
            return
        await self._app(scope, receive, secured)

    def _check(self, scope: Scope) -> None:
        path, query = scope.get("raw_path") or b"", scope["query_string"]
        # First, for other answers name parts of the URL.
        if holds_secret(path, query, scope["headers"]):
            _hide_url()
            self._refusals.count(IN_URL)
            raise UrlHoldsToken
        self._hosts.check(scope["method"], scope["headers"])
        check_path(path)
        check_query(query)


def _hide_url() -> None:
    """The request's span began before anybody looked at the URL; it is exported when it ends."""
    span = trace.get_current_span()
    span.set_attribute("url.path", _REDACTED)
    span.set_attribute("url.query", _REDACTED)
