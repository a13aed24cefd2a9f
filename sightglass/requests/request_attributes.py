"""What a request's span says of it, in one pass over the headers: what the stock instrumentation collects in nine."""

from collections.abc import Iterable, MutableMapping
from typing import Any, Final, NamedTuple

from opentelemetry.util.http import detect_synthetic_user_agent, sanitize_method

METHOD: Final = "http.request.method"
SCHEME: Final = "url.scheme"
PROTOCOL: Final = "network.protocol.version"
ROUTE: Final = "http.route"
STATUS: Final = "http.response.status_code"
ERROR: Final = "error.type"

_PLAIN_PORT: Final = 80
_UNKNOWN_SERVER: Final = ("0.0.0.0", _PLAIN_PORT)
_MOST: Final = 512
_SERVER_TEXT: Final = 256

Scope = MutableMapping[str, Any]


class Headers(NamedTuple):
    """The headers that matter; the first of each name.

    Args:
        user_agent: As sent.
        content_length: As sent.
        propagated: Whether there is a header that carries context.
    """

    user_agent: bytes | None
    content_length: bytes | None
    propagated: bool


def read_headers(headers: Iterable[tuple[bytes, bytes]], propagated: frozenset[bytes]) -> Headers:
    """Look at each header once.

    Args:
        headers: As the server gives them: names in lower case.
        propagated: Names of the headers that carry context.
    """
    user_agent = content_length = None
    carries = False
    for name, value in headers:
        if name == b"user-agent":
            if user_agent is None:
                user_agent = value
        elif name == b"content-length":
            if content_length is None:
                content_length = value
        elif name in propagated:
            carries = True
    return Headers(user_agent, content_length, carries)


class RequestAttributes:
    """Collects the attributes of requests; what many of them share is put together once.

    The stable HTTP conventions, with the values that `opentelemetry.instrumentation.asgi` gives: a test compares them.
    """

    def __init__(self) -> None:
        self._shared: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._agents: dict[bytes, dict[str, str]] = {}

    def collect(self, scope: Scope, user_agent: bytes | None) -> dict[str, Any]:
        """The attributes of one HTTP request; the length of none exceeds that of `longest`."""
        server = scope.get("server") or _UNKNOWN_SERVER
        path, query = scope.get("path"), scope.get("query_string")
        kind = (scope.get("method"), scope.get("scheme"), scope.get("http_version"))
        key = (*kind, server[0], server[1], bool(path), bool(path and query))
        shared = self._shared.get(key)
        if shared is None:
            shared = _shared_attributes(key)
            if len(self._shared) < _MOST:
                self._shared[key] = shared
        values = dict(shared)
        if path:
            values["url.path"] = path
            if query:
                values["url.query"] = query.decode("utf8") if isinstance(query, bytes) else query
        if user_agent:
            values.update(self._agents.get(user_agent) or self._agent(user_agent))
        if client := scope.get("client"):
            if client[0]:
                values["client.address"] = client[0]
            port = client[1]
            if type(port) is not int:
                _set_port(values, "client.port", port)
            elif port:
                values["client.port"] = port
        return values

    @staticmethod
    def longest(scope: Scope, user_agent: bytes | None) -> int:
        """No text is longer than this: the lengths of those that a client chose; what the server says is below 256."""
        path, query = scope.get("path") or "", scope.get("query_string") or ""
        return _SERVER_TEXT + len(path) + len(query) + len(user_agent or "") + len(scope.get("method") or "")

    def _agent(self, raw: bytes) -> dict[str, str]:
        text = decode_header(raw)
        values = {"user_agent.original": text}
        if synthetic := detect_synthetic_user_agent(text):
            values["user_agent.synthetic.type"] = synthetic
        if len(self._agents) < _MOST:
            self._agents[raw] = values
        return values


def decode_header(value: bytes) -> str:
    """A header as text, as the stock instrumentation reads it; where that raises, nobody shall hide from tracing."""
    try:
        return value.decode()
    except ValueError:
        try:
            return value.decode("unicode_escape")
        except ValueError:
            return value.decode(errors="replace")


def _set_port(values: dict[str, Any], name: str, port: Any) -> None:
    if not port:
        return
    try:
        values[name] = int(port)
    except (TypeError, ValueError):
        return


def _shared_attributes(key: tuple[Any, ...]) -> dict[str, Any]:
    """In the stock instrumentation's order, with places for path and query: a span that is full drops the oldest."""
    method, scheme, version, host, port, has_path, has_query = key
    values: dict[str, Any] = {}
    if scheme:
        values[SCHEME] = scheme
    if address := host + (f":{port}" if str(port) != str(_PLAIN_PORT) else ""):
        values["server.address"] = address
    _set_port(values, "server.port", port)
    if version:
        values[PROTOCOL] = version
    if has_path:
        values["url.path"] = ""
    if has_query:
        values["url.query"] = ""
    if method:
        known = sanitize_method(method).strip()
        if method.strip() != known:
            values["http.request.method_original"] = method.strip()
        values[METHOD] = known
    return values
