"""The outermost layer of every HTTP service of ours: who may ask, how much, and with which headers we answer."""

from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.web.hosts import HostRule
from services.web.parameters import check_path, check_query
from services.web.problems import Problem
from services.web.request_body import admit_body

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)


class Edge:
    """ASGI middleware: Host, Origin, URL and body limits in front, security headers on every answer.

    Args:
        app: The application behind it.
        max_body_bytes: The longest request body taken.
        allowed_hosts: Host names answered for besides loopback.
        body_timeout_seconds: How long a body may take to arrive.
    """

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, allowed_hosts: Iterable[str], body_timeout_seconds: float = 30.0
    ) -> None:
        self._app = app
        self._hosts = HostRule(allowed_hosts)
        self._max_body_bytes = max_body_bytes
        self._body_timeout_seconds = body_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, judged before the application sees it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in given)]
            await send(message)

        try:
            self._hosts.check(scope["method"], scope["headers"])
            check_path(scope.get("raw_path") or b"")
            check_query(scope["query_string"])
            receive = await admit_body(
                scope, receive, limit_bytes=self._max_body_bytes, timeout_seconds=self._body_timeout_seconds
            )
        except Problem as problem:
            await problem.response()(scope, receive, secured)
            return
        await self._app(scope, receive, secured)
