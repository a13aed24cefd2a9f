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

from sightglass.faults import report_fault
from sightglass.instruments import SumPoint
from sightglass.requests.clean_attributes import set_clean_attributes
from sightglass.requests.propagated_headers import propagated_headers
from sightglass.requests.quick_span import QuickTracer
from sightglass.requests.request_attributes import (
    ERROR,
    METHOD,
    PROTOCOL,
    ROUTE,
    SCHEME,
    STATUS,
    RequestAttributes,
    decode_header,
    read_headers,
)
from sightglass.requests.request_metrics import RequestMetrics
from sightglass.requests.request_scope import prepare_scope
from sightglass.requests.span_names import SpanNames
from sightglass.requests.trace_headers import TraceHeaders
from sightglass.telemetry import Telemetry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_GETTER: Final[Any] = asgi_getter
_LEAST_PLAIN_STATUS: Final = 100
_LEAST_ERROR_STATUS: Final = 500
_LENGTH: Final = b"content-length"
# An exemplar's value has 64 bits in OTLP: a larger one would keep all metrics from being sent.
_LARGEST_LENGTH: Final = 2**63 - 1


class ServerSpans:
    """Traces and measures HTTP requests; anything else goes the stock way.

    Args:
        stock: The middleware it stands in for, whose application, tracer and options it takes over.
        telemetry: Where spans and metrics go.
        otherwise: Handles what is no HTTP request.
    """

    def __init__(self, stock: Any, telemetry: Telemetry, otherwise: Application) -> None:
        # FastAPI's own telemetry stands back where it finds the stock middleware on the way in.
        self.app = self._stock = stock
        self._inner = stock.app
        self._otherwise = otherwise
        self._tracer = QuickTracer(stock.tracer, telemetry.span_processors)
        self._excluded = stock.excluded_urls
        self._request_headers = stock.http_capture_headers_server_request
        self._response_headers = stock.http_capture_headers_server_response
        self._names = SpanNames(stock.default_span_details)
        self._attributes = RequestAttributes()
        self._metrics = RequestMetrics(telemetry.instruments, stock)
        self._exemplar = telemetry.instruments.exemplar
        propagated = propagated_headers(get_global_textmap())
        self._extracts_always = propagated is None
        self._propagated = propagated or frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        try:
            request = self._begin(scope, send)
        except Exception:
            # Whatever is wrong with a request or with us: it is answered, untraced.
            report_fault("the start of a request's span")
            request = None
        if request is None:
            await self._inner(scope, receive, send)
            return
        token = context.attach(request.context)
        try:
            await self._inner(scope, receive, request.send)
        except Exception as error:
            request.fail(error)
            raise
        finally:
            context.detach(token)
            self._end(request)

    def _begin(self, scope: Scope, send: Send) -> "_Request | None":
        """The request with its span started; None when it is not to be traced."""
        started = perf_counter()
        prepare_scope(scope)
        around = context.get_current()
        if (around and not is_http_instrumentation_enabled()) or self._is_excluded(scope):
            return None
        headers = read_headers(scope.get("headers") or (), self._propagated)
        values = self._attributes.collect(scope, headers.user_agent)
        name, more = self._names.find(scope)
        values.update(more)
        # Within another span, say of an application that mounts this one, a request is a part of that.
        inner = bool(around) and trace.get_current_span(around) is not INVALID_SPAN
        carries = headers.propagated or self._extracts_always
        parent = extract(scope, getter=_GETTER) if carries and not inner else around
        method, scheme, protocol = values.get(METHOD), values.get(SCHEME), values.get(PROTOCOL)
        span = self._tracer.start_span(
            name,
            parent,
            SpanKind.INTERNAL if inner else SpanKind.SERVER,
            values,
            self._attributes.longest(scope, headers.user_agent),
        )
        if self._request_headers and span.is_recording() and not inner:
            span.set_attributes(self.captured(scope, self._request_headers, normalise_request_header_name))
        active = self._metrics.active(method, scheme)
        active.add(1)
        return _Request(
            self,
            span,
            send,
            within=trace.set_span_in_context(span, parent),
            kind=(method, scheme, protocol, more.get(ROUTE)),
            started=started,
            received=_whole(headers.content_length),
            active=active,
            captures=bool(self._response_headers) and not inner,
        )

    def _end(self, request: "_Request") -> None:
        seconds = perf_counter() - request.started
        request.active.add(-1)
        span = request.span
        self._metrics.record(
            (*request.kind, request.status, request.error),
            self._exemplar(span),
            seconds=seconds,
            request_bytes=request.received,
            response_bytes=request.length,
        )
        if span.is_recording():
            span.end()

    def _is_excluded(self, scope: Scope) -> bool:
        return bool(self._excluded) and self._excluded.url_disabled(_url(scope))

    def captured(self, holder: Any, wanted: Any, normalise: Callable[[str], str]) -> dict[str, Any]:
        """The wanted headers of a request or an answer, as attributes."""
        captured: dict[str, Any] = collect_custom_headers_attributes(
            holder, self._stock.http_capture_headers_sanitize_fields, wanted, normalise
        )
        return captured

    def mark_error(self, span: Span, status: Any, found: dict[str, Any]) -> None:
        """Put a status that is an error, or none at all, on the span and into `found`."""
        set_status_code(span, status, found, self._stock._sem_conv_opt_in_mode)  # type: ignore[no-untyped-call]  # noqa: SLF001

    def capture_answer(self, span: Span, message: Message) -> None:
        """Put the answer's wanted headers on the span."""
        if span.is_recording():
            span.set_attributes(self.captured(message, self._response_headers, normalise_response_header_name))


def _url(scope: Scope) -> Any:
    return get_host_port_url_tuple(scope)[2]  # type: ignore[no-untyped-call]  # left untyped there


class _Request:
    """One request under way, and its answer as it passes.

    Attributes:
        context: Where its span is the current one.
        kind: Its method, scheme, protocol version and route, for the metrics.
        started: When it came, in seconds of the performance counter.
        captures: Whether headers of the answer go on the span.
        received: Length of its body, as its header says.
        active: Where it is counted while it lasts.
        status: The answer's status, when it has begun.
        error: The status as text, when it is one of the server's errors.
        length: Length of the answer's body, as its header says.
    """

    __slots__ = (
        *("_owner", "_send", "active", "captures", "context", "error", "length"),
        *("kind", "received", "span", "started", "status"),
    )

    def __init__(
        self,
        owner: ServerSpans,
        span: Span,
        send: Send,
        *,
        within: context.Context,
        kind: tuple[Any, ...],
        started: float,
        received: int | None,
        active: SumPoint,
        captures: bool,
    ) -> None:
        self._owner = owner
        self._send = send
        self.span = span
        self.context = within
        self.kind = kind
        self.started = started
        self.received = received
        self.active = active
        self.captures = captures
        self.status: int | None = None
        self.error: str | None = None
        self.length: int | None = None

    async def send(self, message: Message) -> None:
        """Pass one message on; the span ends with the last."""
        kind = message["type"]
        if kind == "http.response.start":
            try:
                self._note(message)
            except Exception:
                report_fault("the beginning of an answer")
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body"):
            self.span.end()

    def fail(self, error: Exception) -> None:
        """The application raised."""
        if self.span.is_recording():
            self.span.record_exception(error)
            self.span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))

    def _note(self, message: Message) -> None:
        span, status, owner = self.span, message["status"], self._owner
        if self.captures:
            owner.capture_answer(span, message)
        if type(status) is int and _LEAST_PLAIN_STATUS <= status < _LEAST_ERROR_STATUS:
            self.status = status
            set_clean_attributes(span, {STATUS: status})
        elif status:
            found: dict[str, Any] = {}
            owner.mark_error(span, status, found)
            self.status, self.error = found.get(STATUS, self.status), found.get(ERROR, self.error)
        propagator: Any = get_global_response_propagator()  # type: ignore[no-untyped-call]  # left untyped there
        if type(propagator) is TraceHeaders:
            propagator.add(message, span.get_span_context())
        elif propagator is not None:
            propagator.inject(message, context=trace.set_span_in_context(span, context.Context()), setter=asgi_setter)
        for name, value in message.get("headers") or ():
            # Servers write names in lower case, applications need not.
            if name == _LENGTH or (len(name) == len(_LENGTH) and name.lower() == _LENGTH):
                self.length = _whole(value)
                break


def _whole(value: bytes | None) -> int | None:
    """A length that can be measured, from a header; None where it says none."""
    if value is None:
        return None
    try:
        number = int(value if value.isascii() else decode_header(value))
    except ValueError:
        return None
    return number if 0 <= number <= _LARGEST_LENGTH else None
