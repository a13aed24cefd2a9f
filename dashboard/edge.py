"""The outermost layer of the dashboard's server: names that it answers, pages that it talks to, headers of answers."""

from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightglass.host_names import HostNames

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# A year. Not for subdomains, which may be somebody else's.
_TLS_HEADERS: Final = ((b"strict-transport-security", b"max-age=31536000"),)
_WRONG_HOST: Final = (
    "The dashboard does not answer for the host that was asked; name it in SIGHTGLASS_DASHBOARD_ALLOWED_HOSTS, "
    'a JSON list such as ["monitor.example.org"].\n'
)
_WRONG_ORIGIN: Final = "A page of another origin may not change anything here.\n"
_POLICY_VIOLATION: Final = 1008


class Edge:
    """ASGI middleware in front of Streamlit: Host and Origin are judged, and every answer gets security headers.

    Args:
        app: Streamlit.
        hosts: By which names it is asked, and by whose pages.
        content_policy: The Content-Security-Policy.
        tls: Whether it is served by HTTPS.
    """

    def __init__(self, app: ASGIApp, *, hosts: HostNames, content_policy: str, tls: bool = False) -> None:
        self._app = app
        self._hosts = hosts
        self._headers = (
            *_HEADERS,
            (b"content-security-policy", content_policy.encode("ascii")),
            *(_TLS_HEADERS if tls else ()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or one opening of a websocket, judged before Streamlit sees it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                # Closed before it is accepted, a websocket is answered with 403.
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._headers if pair[0] not in given)]
            await send(message)

        await (self._app if refusal is None else refusal)(scope, receive, secured)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        hosts, origins = (
            [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
            for wanted in (b"host", b"origin")
        )
        if len(hosts) != 1 or not self._hosts.admits(hosts[0]):
            return PlainTextResponse(_WRONG_HOST, 421)
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and not all(self._hosts.admits_origin(origin) for origin in origins):
            return PlainTextResponse(_WRONG_ORIGIN, 403)
        return None
