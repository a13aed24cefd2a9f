"""A log record or event as an OTLP `LogRecord` message."""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
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
_STRING: Final = tag(1, LENGTH)
_pack_times: Final = Struct("<cQcQ").pack
_pack_trace: Final = Struct("<cI2s16s2s8s").pack


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
    if timestamp:
        parts = [_pack_times(_TIME, timestamp, _OBSERVED, observed_timestamp), _SEVERITY, varint(severity)]
    else:
        parts = [_OBSERVED, pack_fixed64(observed_timestamp), _SEVERITY, varint(severity)]
    if severity_text:
        parts.append(framed(_SEVERITY_TEXT, text_bytes(severity_text)))
    parts += _framed_text(body) if type(body) is str else (framed(_BODY, any_value(body)),)
    if encoded_attributes:
        parts.append(encoded_attributes)
    if attributes:
        parts.append(_ATTRIBUTES.encode(attributes))
    if dropped_attributes:
        parts.append(_DROPPED + varint(dropped_attributes))
    if trace_id or span_id or flags:
        parts.append(_trace(flags, trace_id, span_id))
    if event_name:
        parts.append(_framed_name(event_name))
    return b"".join(parts)


def _framed_text(body: str) -> tuple[bytes, ...]:
    """A body of text in parts, for it may be long."""
    text = text_bytes(body)
    head = _STRING + varint(len(text))
    return _BODY, varint(len(head) + len(text)), head, text


def _trace(flags: int, trace_id: int, span_id: int) -> bytes:
    if flags and trace_id and span_id:
        return _pack_trace(_FLAGS, flags, _TRACE_ID, trace_id.to_bytes(16, "big"), _SPAN_ID, span_id.to_bytes(8, "big"))
    encoded = _FLAGS + pack_fixed32(flags) if flags else b""
    if trace_id:
        encoded += _TRACE_ID + trace_id.to_bytes(16, "big")
    return encoded + _SPAN_ID + span_id.to_bytes(8, "big") if span_id else encoded


@lru_cache(maxsize=64)
def _framed_name(event_name: str) -> bytes:
    return framed(_EVENT_NAME, text_bytes(event_name))
