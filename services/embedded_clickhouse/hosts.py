"""Which names this server answers to, for any web page can point a name of its own at a loopback port."""

import ipaddress
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class AllowedHosts:
    """Turns away requests whose Host header is not one of ours.

    Args:
        app: the application behind.
        names: names accepted besides the loopback ones; an address that means every interface accepts any IP address.
    """

    def __init__(self, app: ASGIApp, *, names: tuple[str, ...]) -> None:
        self._app = app
        self._names = _LOOPBACK | {name.lower().strip("[]") for name in names}
        self._any_address = bool(self._names & {"0.0.0.0", "::"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or answer 421."""
        if scope["type"] == "http" and not self._allowed(scope):
            response = PlainTextResponse(
                "This server does not answer to that Host name; SIGHTGLASS_CLICKHOUSE_ALLOWED_HOSTS adds names.\n", 421
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(values) != 1:
            return False
        try:
            host = (urlsplit(f"//{values[0]}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if host in self._names:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return self._any_address
