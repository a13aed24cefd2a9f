"""Answers that name their trace: whoever saw a slow answer can quote it."""

from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.propagators import (
    ResponsePropagator,
    default_setter,
    get_global_response_propagator,
    set_global_response_propagator,
)
from opentelemetry.trace import format_span_id, format_trace_id

TRACE_ID_HEADER: Final = "x-trace-id"
TRACE_RESPONSE_HEADER: Final = "traceresponse"


class TraceHeaders(ResponsePropagator):
    """Adds `X-Trace-Id` and the W3C's `traceresponse` to an answer, unless the application has set them itself.

    Source: https://www.w3.org/TR/trace-context-2/#trace-context-http-response-headers-format
    """

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = default_setter) -> None:
        """Add the headers to `carrier`, the ASGI message that begins an answer."""
        if not isinstance(carrier, dict) or carrier.get("type") not in ("http.response.start", None):
            return
        span_context = trace.get_current_span(context).get_span_context()
        if not span_context.is_valid:
            return
        trace_id = format_trace_id(span_context.trace_id)
        response = f"00-{trace_id}-{format_span_id(span_context.span_id)}-{span_context.trace_flags:02x}"
        present = {bytes(name).lower() for name, _ in carrier.get("headers") or ()}
        for name, value in ((TRACE_ID_HEADER, trace_id), (TRACE_RESPONSE_HEADER, response)):
            if name.encode() not in present:
                setter.set(carrier, name, value)


def install_trace_headers() -> None:
    """Let instrumentations add the headers, unless the service has chosen another propagator."""
    if get_global_response_propagator() is None:  # type: ignore[no-untyped-call]  # left untyped there
        set_global_response_propagator(TraceHeaders())  # type: ignore[no-untyped-call]  # as above
