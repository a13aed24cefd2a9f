"""A log record or event as an OTLP `LogRecord` message."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk._logs import ReadableLogRecord

from sightglass.otlp.key_values import KeyValues, any_value
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

_TIME: Final = tag(1, FIXED64)
_SEVERITY: Final = tag(2, VARINT)
_SEVERITY_TEXT: Final = tag(3, LENGTH)
_BODY: Final = tag(5, LENGTH)
_DROPPED: Final = tag(7, VARINT)
_FLAGS: Final = tag(8, FIXED32)
_TRACE_ID: Final = tag(9, LENGTH) + varint(16)
_SPAN_ID: Final = tag(10, LENGTH) + varint(8)
_OBSERVED: Final = tag(11, FIXED64)
_EVENT_NAME: Final = tag(12, LENGTH)
_ATTRIBUTES: Final = KeyValues(6)


def encode_log(readable: ReadableLogRecord) -> bytes:
    """The message, without the field's tag around it; what the stock exporter would send for this record."""
    record = readable.log_record
    attributes: Any = record.attributes or {}
    return encode_record(
        timestamp=record.timestamp or 0,
        observed_timestamp=record.observed_timestamp or 0,
        severity=record.severity_number.value if record.severity_number is not None else 0,
        severity_text=record.severity_text or "",
        body=record.body,
        attributes=getattr(attributes, "_dict", attributes),
        dropped_attributes=readable.dropped_attributes,
        trace_id=record.trace_id or 0,
        span_id=record.span_id or 0,
        flags=int(record.trace_flags or 0),
        event_name=record.event_name or "",
    )


def encode_attributes(attributes: Mapping[str, Any]) -> bytes:
    """Attributes that many records have in common, for `encode_record`."""
    return _ATTRIBUTES.encode(attributes)


def encode_record(
    *,
    timestamp: int,
    observed_timestamp: int,
    severity: int,
    body: Any,
    attributes: Mapping[str, Any],
    trace_id: int,
    span_id: int,
    flags: int,
    event_name: str,
    severity_text: str = "",
    dropped_attributes: int = 0,
    encoded_attributes: bytes = b"",
) -> bytes:
    """The same from its parts; `encoded_attributes` are further ones, from `encode_attributes`.

    Times are in nanoseconds since the epoch, ids 0 where there are none.
    """
    parts = [_OBSERVED, pack_fixed64(observed_timestamp), _SEVERITY, varint(severity)]
    if timestamp:
        parts += (_TIME, pack_fixed64(timestamp))
    if severity_text:
        parts.append(framed(_SEVERITY_TEXT, text_bytes(severity_text)))
    parts.append(framed(_BODY, any_value(body)))
    if encoded_attributes:
        parts.append(encoded_attributes)
    if attributes:
        parts.append(_ATTRIBUTES.encode(attributes))
    if dropped_attributes:
        parts.append(_DROPPED + varint(dropped_attributes))
    if flags:
        parts += (_FLAGS, pack_fixed32(flags))
    if trace_id:
        parts += (_TRACE_ID, trace_id.to_bytes(16, "big"))
    if span_id:
        parts += (_SPAN_ID, span_id.to_bytes(8, "big"))
    if event_name:
        parts.append(framed(_EVENT_NAME, text_bytes(event_name)))
    return b"".join(parts)
