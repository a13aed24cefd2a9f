"""Answers that name their trace: whoever saw a slow answer can quote it."""

from collections.abc import MutableMapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.propagators import (
    ResponsePropagator,
    default_setter,
    get_global_response_propagator,
    set_global_response_propagator,
)
from opentelemetry.trace import SpanContext

TRACE_ID_HEADER: Final = b"x-trace-id"
TRACE_RESPONSE_HEADER: Final = b"traceresponse"
_NAMES: Final = frozenset({TRACE_ID_HEADER, TRACE_RESPONSE_HEADER})


class TraceHeaders(ResponsePropagator):
    """Adds `X-Trace-Id` and the W3C's `traceresponse` to an answer, unless the application has set them itself.

    Source: https://www.w3.org/TR/trace-context-2/#trace-context-http-response-headers-format
    """

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = default_setter) -> None:  # noqa: ARG002  # interface
        """Add the headers to `carrier`, the ASGI message that begins an answer."""
        if not isinstance(carrier, dict) or carrier.get("type") not in ("http.response.start", None):
            return
        self.add(carrier, trace.get_current_span(context).get_span_context())

    @staticmethod
    def add(message: MutableMapping[str, Any], span: SpanContext) -> None:
        """Add the headers to the ASGI message that begins an answer."""
        if not span.is_valid:
            return
        trace_id = b"%032x" % span.trace_id
        response = b"00-%b-%016x-%02x" % (trace_id, span.span_id, span.trace_flags)
        added = [(TRACE_ID_HEADER, trace_id), (TRACE_RESPONSE_HEADER, response)]
        headers = message.get("headers") or ()
        for name, _ in headers:
            if name in _NAMES:
                added = [header for header in added if header[0] != name]
        # A list of its own: the application may send the same headers again.
        message["headers"] = [*headers, *added]


def install_trace_headers() -> None:
    """Let instrumentations add the headers, unless the service has chosen another propagator."""
    if get_global_response_propagator() is None:  # type: ignore[no-untyped-call]  # left untyped there
        set_global_response_propagator(TraceHeaders())  # type: ignore[no-untyped-call]  # as above
