"""The requests that are put to an application."""

from dataclasses import dataclass, field
from typing import Any

from tests.sightglass.equivalence.span_changes import SPAN_CHANGES

TRACE, PARENT = "ab" * 16, "cd" * 8


@dataclass(frozen=True, slots=True)
class Call:
    """One connection, as a server would make it.

    Args:
        path: Its path.
        query: Its query.
        headers: Its headers.
        method: Its method.
        body: Its body.
        scope: What else is special in its scope; a key whose value is `...` is left out.
        around: What is there before the application is called: `span`, or `suppressed`.
        sends: Messages after which the client is gone.
    """

    path: str = "/plain"
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"host", b"testserver"), (b"user-agent", b"tester"))
    method: str = "GET"
    body: bytes = b""
    scope: dict[str, Any] = field(default_factory=dict)
    around: str = ""
    sends: int | None = None

    def as_scope(self) -> dict[str, Any]:
        """The ASGI scope."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(errors="replace"),
            "query_string": self.query,
            "root_path": "",
            "scheme": "http",
            "server": ("testserver", 80),
            "client": ("1.2.3.4", 5678),
            "headers": list(self.headers),
        } | self.scope
        return {key: value for key, value in scope.items() if value is not ...}


def _with(*headers: tuple[str, bytes | str], path: str = "/plain", **options: Any) -> Call:
    named = tuple((name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers)
    return Call(path, headers=((b"host", b"testserver"), *named), **options)


def _traced(flags: str = "01", *more: tuple[str, str], **options: Any) -> Call:
    return _with(("traceparent", f"00-{TRACE}-{PARENT}-{flags}"), *more, **options)


def _socket(path: str) -> Call:
    return Call(path, scope={"type": "websocket", "scheme": "ws", "subprotocols": [], "method": ...})


ROUTES = {
    path: Call(path)
    for path in (
        *("/plain", "/items/3", "/items/x", "/outer/inner/a", "/static", "/nothing", "/unchanged", "/empty", "/moved"),
        *(
            "/mounted/deep/1",
            "/mounted/nowhere",
            "/mounted",
            "/starlette/static",
            "/starlette/nowhere",
            "/nowhere",
            "/",
        ),
        *("/instrumented/deep/1", "/instrumented/nowhere", "/instrumented/fails", "/raw", "/raw/below", "/plain/"),
        *("/background", "/background-fails", "/headers", "/streams", "/fails", "/unavailable", "/handled"),
        *("/refuses/404", "/refuses/500", "/refuses/418", "/cancelled", "/docs", "/files/a/b.c"),
    )
}
CHANGES = {f"changes {what}": Call(f"/changes/{what}") for what in SPAN_CHANGES}
METHODS = {
    f"{method} {path}": Call(path, method=method)
    for method, path in (
        *(
            ("HEAD", "/plain"),
            ("OPTIONS", "/plain"),
            ("POST", "/plain"),
            ("DELETE", "/files/x"),
            ("OPTIONS", "/files/x"),
        ),
        *(("QUERY", "/files/x"), ("ODD", "/plain"), ("get", "/plain"), ("ÖDD", "/plain"), ("PATCH", "/nowhere")),
        *(("CONNECT", "/plain"), ("TRACE", "/plain"), (" GET ", "/plain"), ("", "/plain"), ("POST", "/items/3")),
    )
}
BODIES = {
    "a body": Call("/bodies", method="POST", body=b"[1,2]", headers=((b"content-length", b"5"),)),
    "a wrong body": Call("/bodies", method="POST", body=b'["a"]', headers=((b"content-length", b"5"),)),
    "no body": Call("/bodies", method="POST", headers=((b"content-length", b"0"),)),
    "an invalid length": _with(("content-length", "abc")),
    "an empty length": _with(("content-length", "")),
    "a negative length": _with(("content-length", "-5")),
    "a length with blanks": _with(("content-length", " 5 ")),
    "a length in other digits": _with(("content-length", "٣")),
    "two lengths": _with(("content-length", "1"), ("content-length", "2")),
    "a length, then a stream": Call("/headers"),
    "a stream that fails": Call("/streams", b"fails=1"),
    "a client that left before the answer": Call("/plain", sends=0),
    "a client that left in the answer": Call("/plain", sends=1),
    "a client that left in a stream": Call("/streams", sends=2),
    **{
        f"raw {how}": Call("/raw/x", how.encode())
        for how in ("text", "none", "text-number", "small", "odd", "negative")
    },
    **{f"raw {how}": Call("/raw/x", how.encode()) for how in ("early", "trailers", "capitals")},
}
PLACES = {
    "a query": Call("/items/3", b"q=1&q=%20x"),
    "a query of other letters": Call("/items/3", "q=ü".encode()),
    "a query that is no UTF-8": Call("/items/3", b"q=\xff\xfe&a=%ff"),
    "an encoded path": Call("/files/a b/ü", scope={"raw_path": b"/files/a%20b/%C3%BC"}),
    "a path that was no UTF-8": Call("/files/\ufffd"),
    "a path with a null": Call("/files/\0"),
    "an absolute path": Call("http://testserver/plain"),
    "a path without slash": Call("plain"),
    "an empty path": Call(""),
    "a double slash": Call("//plain"),
    "a long path": Call("/files/" + "x" * 10_000),
    "an IPv6 server": Call(headers=((b"host", b"[::1]:8000"),), scope={"server": ("::1", 8000), "client": ("::1", 1)}),
    "a Unix socket": Call(headers=(), scope={"server": ("/run/socket", None), "client": None}),
    "no server": Call(headers=(), scope={"server": None, "client": None}),
    "absent server and client": Call(headers=(), scope={"server": ..., "client": ..., "root_path": ...}),
    "ports as text": Call(scope={"server": ("testserver", "8000"), "client": ("1.2.3.4", "5")}),
    "ports that are none": Call(scope={"server": ("testserver", "x"), "client": ("1.2.3.4", "y")}),
    "port 0": Call(scope={"server": ("testserver", 0), "client": ("", 0)}),
    "HTTPS": Call(scope={"scheme": "https", "server": ("testserver", 443)}),
    "HTTP/1.0": Call(scope={"http_version": "1.0"}),
    "HTTP/2": Call(scope={"http_version": "2", "scheme": "https"}, headers=((b":authority", b"testserver"),)),
    "no scheme and no version": Call(scope={"scheme": ..., "http_version": ...}),
    "a root path": Call("/proxy/plain", scope={"root_path": "/proxy"}),
    "a root path and parameters": Call("/proxy/items/3", scope={"root_path": "/proxy"}),
    "a root path that does not match": Call("/plain", scope={"root_path": "/proxy"}),
    "another host": Call("/hosted", headers=((b"host", b"named.example"),)),
    "another host's path": Call("/hosted"),
    "a query as text": Call("/plain", scope={"query_string": "q=1"}),
    "no headers": Call(headers=()),
    "odd hosts": _with(("host", b"\xff:99999999999"), ("host", "a:b:c")),
    "a Unicode host": _with(("host", "ü.example")),
}
AGENTS = {
    **{
        f"agent {agent[:12]!r}": _with(("user-agent", agent))
        for agent in (
            *(b"", b"curl/8", b"Googlebot/2.1", b"alwayson", "ü/1".encode(), b"\xff\xfe", b"x" * 10_000, b"a\\x41"),
        )
    },
    "two agents": _with(("user-agent", "a"), ("user-agent", "b")),
    "an empty agent and another": _with(("user-agent", ""), ("user-agent", "b")),
}
CONTEXTS = {
    "a sampled parent": _traced(),
    "a parent not sampled": _traced("00"),
    "a random parent": _traced("03"),
    "a random parent not sampled": _traced("02"),
    "odd flags": _traced("ff"),
    "a trace state": _traced("01", ("tracestate", "a=1,b=2")),
    "two trace states": _traced("01", ("tracestate", "a=1"), ("tracestate", "b=2")),
    "an odd trace state": _traced("01", ("tracestate", "=,a=1,,")),
    "a trace state alone": _with(("tracestate", "a=1")),
    "a long trace state": _traced("01", ("tracestate", ",".join(f"k{n}=v" for n in range(40)))),
    "a future version": _with(("traceparent", f"cc-{TRACE}-{PARENT}-01-more")),
    **{
        f"parent {text[:20]!r}": _with(("traceparent", text))
        for text in (
            *("", "x", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{PARENT}-01"),
            *(f"00-{TRACE.upper()}-{PARENT}-01", f"00-{TRACE}-{PARENT}", f"00-{TRACE}-{PARENT}-01-x", "\xff" * 60),
        )
    },
    "two parents": _traced("01", ("traceparent", f"00-{'12' * 16}-{'34' * 8}-00")),
    "baggage": _with(("baggage", "a=1,b=%20;meta"), path="/baggage"),
    "baggage and a parent": _traced("01", ("baggage", "a=1"), ("tracestate", "x=y"), path="/baggage"),
    "odd baggage": _with(("baggage", "=,x" * 3), path="/baggage"),
    "a span around": Call("/items/3", around="span"),
    "a span around and a parent": _traced(around="span"),
    "a span around a failure": Call("/fails", around="span"),
    "a span around captured headers": Call("/headers", around="span", headers=((b"x-one", b"1"),)),
    "a parent of what fails": _traced(path="/fails"),
    "a parent of what is mounted": _traced(path="/instrumented/deep/2"),
    "suppressed": Call(around="suppressed"),
    "suppressed and failing": Call("/fails", around="suppressed"),
}
HEADERS = {
    "headers to capture": _with(
        ("x-one", "1"), ("x-two", "2"), ("x-one", "3"), ("x-secret-token", "s"), path="/headers"
    ),
    "odd headers to capture": _with(("x-one", b"\xff"), ("x-two", "ü"), ("authorization", "Bearer x"), path="/headers"),
    "an empty header to capture": _with(("x-one", ""), path="/refuses/400"),
}
SOCKETS = {
    "a socket": _socket("/socket/a"),
    "a socket that fails": _socket("/socket/fails"),
    "a socket nowhere": _socket("/nowhere"),
}
CALLS = ROUTES | CHANGES | METHODS | BODIES | PLACES | AGENTS | CONTEXTS | HEADERS | SOCKETS
# One or two of each shape, for what bears upon a span and not upon how it is found.
SOME_CALLS = CHANGES | {
    name: CALLS[name]
    for name in (
        *("/plain", "/items/x", "/outer/inner/a", "/nowhere", "/fails", "/streams", "/background", "/mounted/deep/1"),
        *("/instrumented/fails", "/headers", "/unavailable", "POST /plain", "ODD /plain", "a body", "a wrong body"),
        *(
            "a stream that fails",
            "a client that left in a stream",
            "a query",
            "a long path",
            "ports as text",
            "a socket",
        ),
        *("a Unix socket", "a sampled parent", "a parent not sampled", "a random parent", "a trace state"),
        *("a span around", "a span around and a parent", "a parent of what fails", "agent b'Googlebot/2.'"),
        *("agent b'xxxxxxxxxxxx'", "headers to capture", "suppressed", "raw text", "raw capitals", "raw early"),
    )
}
# What was remembered of the first ones is compared with these.
CALLS_TWICE = CALLS | {f"{name}, again": call for name, call in CALLS.items()}
