"""The span and the metrics of each HTTP request: the stock middleware's, at a fraction of its cost.

Why it exists, what it costs and where it differs: docs/decisions/0005.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.instrumentation.asgi import (
    asgi_getter,
    asgi_setter,
    collect_custom_headers_attributes,
    get_host_port_url_tuple,
    set_status_code,
)
from opentelemetry.instrumentation.propagators import get_global_response_propagator
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.propagate import extract, get_global_textmap
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode
from opentelemetry.util.http import normalise_request_header_name, normalise_response_header_name

from sightglass.request_attributes import (
    ERROR,
    METHOD,
    PROTOCOL,
    ROUTE,
    SCHEME,
    STATUS,
    RequestAttributes,
    read_headers,
)
from sightglass.request_metrics import RequestMetrics
from sightglass.span_names import SpanNames
from sightglass.telemetry import Telemetry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]

_GETTER: Final[Any] = asgi_getter
_LEAST_PLAIN_STATUS: Final = 100
_LEAST_ERROR_STATUS: Final = 500


class ServerSpans:
    """Traces and measures HTTP requests; anything else goes the stock way.

    Args:
        stock: The middleware it stands in for, whose application, tracer and options it takes over.
        telemetry: Where metrics go.
    """

    def __init__(self, stock: Any, telemetry: Telemetry) -> None:
        # FastAPI's own telemetry stands back where it finds the stock middleware on the way in.
        self.app = self._stock = stock
        self._inner = stock.app
        self._tracer = stock.tracer
        self._excluded = stock.excluded_urls
        self._request_headers = stock.http_capture_headers_server_request
        self._response_headers = stock.http_capture_headers_server_response
        self._names = SpanNames(stock.default_span_details)
        self._attributes = RequestAttributes()
        self._metrics = RequestMetrics(telemetry.instruments, stock)
        self._exemplar = telemetry.instruments.exemplar
        self._propagated = frozenset(name.lower().encode() for name in get_global_textmap().fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._stock(scope, receive, send)
            return
        if not is_http_instrumentation_enabled() or self._is_excluded(scope):
            await self._inner(scope, receive, send)
            return
        started = perf_counter()
        headers = read_headers(scope["headers"], self._propagated)
        values = self._attributes.collect(scope, headers.user_agent)
        name, more = self._names.find(scope)
        values.update(more)
        # Within another span, say of an application that mounts this one, a request is a part of that.
        inner = trace.get_current_span() is not INVALID_SPAN
        parent = extract(scope, getter=_GETTER) if headers.propagated and not inner else context.get_current()
        span = self._tracer.start_span(
            name, context=parent, kind=SpanKind.INTERNAL if inner else SpanKind.SERVER, attributes=values
        )
        if self._request_headers and span.is_recording() and not inner:
            span.set_attributes(self._captured(scope, self._request_headers, normalise_request_header_name))
        answer = _Answer(self, span, send, capture=bool(self._response_headers) and not inner)
        active = self._metrics.active(values.get(METHOD), values.get(SCHEME))
        active.add(1)
        token = context.attach(trace.set_span_in_context(span, parent))
        try:
            await self._inner(scope, receive, answer.send)
        except Exception as error:
            if span.is_recording():
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
            raise
        finally:
            context.detach(token)
            active.add(-1)
            self._metrics.record(
                (
                    values.get(METHOD),
                    values.get(SCHEME),
                    values.get(PROTOCOL),
                    values.get(ROUTE),
                    answer.status,
                    answer.error,
                ),
                self._exemplar(span),
                seconds=perf_counter() - started,
                request_bytes=_whole(headers.content_length),
                response_bytes=answer.length,
            )
            if span.is_recording():
                span.end()

    def _is_excluded(self, scope: Scope) -> bool:
        return bool(self._excluded) and self._excluded.url_disabled(_url(scope))

    def _captured(self, holder: Any, wanted: Any, normalise: Callable[[str], str]) -> dict[str, Any]:
        captured: dict[str, Any] = collect_custom_headers_attributes(
            holder, self._stock.http_capture_headers_sanitize_fields, wanted, normalise
        )
        return captured

    def mark_error(self, span: Span, status: Any, found: dict[str, Any]) -> None:
        """Put a status that is an error, or none at all, on the span and into `found`."""
        set_status_code(span, status, found, self._stock._sem_conv_opt_in_mode)  # type: ignore[no-untyped-call]  # noqa: SLF001

    def mark_answer(self, span: Span, message: Message) -> None:
        """Put the answer's captured headers on the span."""
        if span.is_recording():
            span.set_attributes(self._captured(message, self._response_headers, normalise_response_header_name))


def _url(scope: Scope) -> Any:
    return get_host_port_url_tuple(scope)[2]  # type: ignore[no-untyped-call]  # left untyped there


class _Answer:
    """The answer to one request, as it passes.

    Attributes:
        status: Its status, when it has begun.
        error: The status as text, when it is one of the server's errors.
        length: What its header says.
    """

    __slots__ = ("_capture", "_owner", "_send", "_span", "error", "length", "status")

    def __init__(self, owner: ServerSpans, span: Span, send: Send, *, capture: bool) -> None:
        self._owner = owner
        self._span = span
        self._send = send
        self._capture = capture
        self.status: int | None = None
        self.error: str | None = None
        self.length: int | None = None

    async def send(self, message: Message) -> None:
        """Pass one message on; the span ends with the last."""
        kind = message["type"]
        if kind == "http.response.start":
            self._begin(message)
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body"):
            self._span.end()

    def _begin(self, message: Message) -> None:
        span, status = self._span, message["status"]
        if self._capture:
            self._owner.mark_answer(span, message)
        if type(status) is int and _LEAST_PLAIN_STATUS <= status < _LEAST_ERROR_STATUS:
            self.status = status
            span.set_attribute(STATUS, status)
        else:
            found: dict[str, Any] = {}
            self._owner.mark_error(span, status, found)
            self.status, self.error = found.get(STATUS), found.get(ERROR)
        propagator: Any = get_global_response_propagator()  # type: ignore[no-untyped-call]  # left untyped there
        if propagator is not None:
            propagator.inject(message, context=trace.set_span_in_context(span, context.Context()), setter=asgi_setter)
        for name, value in message.get("headers") or ():
            if name == b"content-length":
                self.length = _whole(value)
                break


def _whole(value: bytes | None) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        return None
