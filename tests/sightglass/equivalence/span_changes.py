"""What a handler may do to the span of its request."""

from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

_OTHER = SpanContext(0xABCDEF, 0xFEDC, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _attributes(span: Any) -> None:
    span.set_attributes({"a": 1, "b": "x" * 50, "c": [1, 2], "d": True, "e": 1.5, "http.route": "mine"})
    span.set_attribute("http.response.status_code", "first")
    span.set_attribute("", "unnamed")
    span.set_attribute("object", {"k": [None, b"\xff", object]})


def _many(span: Any) -> None:
    for number in range(150):
        span.set_attribute(f"n{number}", number)


def _nearly_too_many(span: Any) -> None:
    span.set_attribute("http.response.status_code", "first")
    for number in range(118):
        span.set_attribute(f"n{number}", number)


def _ok(span: Any) -> None:
    span.set_status(StatusCode.OK)
    raise ValueError("although all was well")


def _events(span: Any) -> None:
    for number in range(140):
        span.add_event(f"event {number}", {"number": number, "text": "y" * 50}, timestamp=number)


def _links(span: Any) -> None:
    for number in range(140):
        span.add_link(_OTHER, {"number": number})
    span.add_link(trace.INVALID_SPAN_CONTEXT, {})


def _end(span: Any) -> None:
    span.end()
    span.set_attribute("late", 1)
    span.add_event("late")
    span.update_name("late")


def _child(_: Any) -> None:
    from sightglass.telemetry import current

    telemetry = current()
    assert telemetry is not None
    with telemetry.tracer_provider.get_tracer("own").start_as_current_span("child") as child:
        child.set_attribute("depth", 2)


SPAN_CHANGES: dict[str, Callable[[Any], object]] = {
    "name": lambda span: span.update_name("another"),
    "attributes": _attributes,
    "many": _many,
    "nearly-too-many": _nearly_too_many,
    "ok": _ok,
    "error": lambda span: span.set_status(StatusCode.ERROR, "said so"),
    "events": _events,
    "links": _links,
    "exception": lambda span: span.record_exception(ValueError("noted"), {"extra": 1}),
    "end": _end,
    "child": _child,
    "nothing": lambda _: None,
}
