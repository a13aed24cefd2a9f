"""A finished span as an OTLP `Span` message."""

from struct import Struct
from typing import Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceState

from sightglass.otlp.key_values import KeyValues
from sightglass.otlp.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    framed,
    pack_fixed32,
    pack_fixed64,
    tag,
    text_bytes,
    varint,
)

_TRACE_ID: Final = tag(1, LENGTH) + varint(16)
_SPAN_ID: Final = tag(2, LENGTH) + varint(8)
_pack_ids: Final = Struct("<2s16s2s8s").pack
_TRACE_STATE: Final = tag(3, LENGTH)
_PARENT_ID: Final = tag(4, LENGTH) + varint(8)
_NAME: Final = tag(5, LENGTH)
_START: Final = tag(7, FIXED64)
_END: Final = tag(8, FIXED64)
_pack_times: Final = Struct("<cQcQ").pack
_DROPPED_ATTRIBUTES: Final = tag(10, VARINT)
_EVENT: Final = tag(11, LENGTH)
_DROPPED_EVENTS: Final = tag(12, VARINT)
_LINK: Final = tag(13, LENGTH)
_DROPPED_LINKS: Final = tag(14, VARINT)
_STATUS: Final = tag(15, LENGTH)
_FLAGS: Final = tag(16, FIXED32)
_KINDS: Final = {
    kind: tag(6, VARINT) + varint(number)
    for number, kind in enumerate(
        (SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER), start=1
    )
}
# SpanFlags: bit 8 says that bit 9 is known, bit 9 that the parent is in another process.
_LOCAL_PARENT: Final = _FLAGS + pack_fixed32(0x100)
_REMOTE_PARENT: Final = _FLAGS + pack_fixed32(0x300)
_ATTRIBUTES: Final = KeyValues(9)

_EVENT_TIME: Final = tag(1, FIXED64)
_EVENT_NAME: Final = tag(2, LENGTH)
_EVENT_DROPPED: Final = tag(4, VARINT)
_EVENT_ATTRIBUTES: Final = KeyValues(3)

_LINK_TRACE_ID: Final = tag(1, LENGTH) + varint(16)
_LINK_SPAN_ID: Final = tag(2, LENGTH) + varint(8)
_LINK_DROPPED: Final = tag(5, VARINT)
_LINK_LOCAL: Final = tag(6, FIXED32) + pack_fixed32(0x100)
_LINK_REMOTE: Final = tag(6, FIXED32) + pack_fixed32(0x300)
_LINK_ATTRIBUTES: Final = KeyValues(4)

_UNSET: Final = framed(_STATUS, b"")


def encode_span(span: ReadableSpan) -> bytes:
    """The message, without the field's tag around it; what the stock exporter would send for this span."""
    context = span.get_span_context()
    if context is None:
        raise ValueError("a span without context")
    parent = span.parent
    # The plain values inside, where they are: the properties around them copy, item by item.
    held = getattr(span, "_attributes", None)
    attributes = getattr(held, "_dict", None) or span.attributes
    events = getattr(span, "_events", ())
    links = getattr(span, "_links", ())
    parts = [_pack_ids(_TRACE_ID, context.trace_id.to_bytes(16, "big"), _SPAN_ID, context.span_id.to_bytes(8, "big"))]
    if context.trace_state:
        parts.append(framed(_TRACE_STATE, _trace_state(context.trace_state)))
    if parent:
        parts += (_PARENT_ID, parent.span_id.to_bytes(8, "big"))
    name = text_bytes(span.name)
    times = _pack_times(_START, span.start_time or 0, _END, span.end_time or 0)
    parts += (_NAME, varint(len(name)), name, _KINDS[span.kind], times)
    if attributes:
        parts.append(_ATTRIBUTES.encode(attributes))
    if dropped := getattr(held, "dropped", 0):
        parts.append(_DROPPED_ATTRIBUTES + varint(dropped))
    if events:
        parts += [framed(_EVENT, _encode_event(event)) for event in events]
    # With a limit of 0 all are dropped.
    if type(events) is BoundedList and events.dropped:
        parts.append(_DROPPED_EVENTS + varint(events.dropped))
    if links:
        parts += [framed(_LINK, _encode_link(link)) for link in links]
    if type(links) is BoundedList and links.dropped:
        parts.append(_DROPPED_LINKS + varint(links.dropped))
    parts += (_encode_status(span.status), _REMOTE_PARENT if parent and parent.is_remote else _LOCAL_PARENT)
    return b"".join(parts)


def _encode_event(event: Event) -> bytes:
    encoded = _EVENT_TIME + pack_fixed64(event.timestamp) + framed(_EVENT_NAME, text_bytes(event.name))
    if event.attributes:
        encoded += _EVENT_ATTRIBUTES.encode(event.attributes)
    return encoded + _EVENT_DROPPED + varint(event.dropped_attributes) if event.dropped_attributes else encoded


def _encode_link(link: Link) -> bytes:
    context: SpanContext = link.context
    encoded = _LINK_TRACE_ID + context.trace_id.to_bytes(16, "big") + _LINK_SPAN_ID + context.span_id.to_bytes(8, "big")
    if link.attributes:
        encoded += _LINK_ATTRIBUTES.encode(link.attributes)
    if link.dropped_attributes:
        encoded += _LINK_DROPPED + varint(link.dropped_attributes)
    return encoded + (_LINK_REMOTE if context.is_remote else _LINK_LOCAL)


def _encode_status(status: Status) -> bytes:
    if status.status_code is StatusCode.UNSET:
        return _UNSET
    message = framed(tag(2, LENGTH), text_bytes(status.description)) if status.description else b""
    return framed(_STATUS, message + tag(3, VARINT) + varint(status.status_code.value))


def _trace_state(state: TraceState) -> bytes:
    return text_bytes(",".join(f"{key}={value}" for key, value in state.items()))
