"""Encoded spans or log records as one export request.

`ExportTraceServiceRequest` and `ExportLogsServiceRequest` have the same field numbers, down to the span or record.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from sightglass.otlp.key_values import KeyValues
from sightglass.otlp.wire import LENGTH, framed, tag, text_bytes, varint


class Owner(NamedTuple):
    """Who sends, and the instrumentation it comes from: all of a request but its records, in pieces of it.

    Args:
        resource: The framed resource.
        resource_schema: The framed URL of its schema, or nothing.
        scope: The framed scope.
        scope_schema: The framed URL of its schema, or nothing.
    """

    resource: bytes
    resource_schema: bytes
    scope: bytes
    scope_schema: bytes


Encoded = tuple[Resource | Owner, InstrumentationScope | None, bytes]
"""Who sends a span or log record, the instrumentation it comes from (None where an `Owner` says it), and the record,
framed. A tuple, for speed."""

_RESOURCE_ITEM: Final = tag(1, LENGTH)
_RESOURCE: Final = tag(1, LENGTH)
_SCOPE_ITEM: Final = tag(2, LENGTH)
_SCOPE: Final = tag(1, LENGTH)
_RECORD: Final = tag(2, LENGTH)
_SCHEMA_URL: Final = tag(3, LENGTH)
_TEXT_1: Final = tag(1, LENGTH)
_TEXT_2: Final = tag(2, LENGTH)


def framed_record(message: bytes) -> bytes:
    """A `Span` or `LogRecord` message as an item of its scope."""
    return framed(_RECORD, message)


def encode_owner(resource: Resource | Owner, scope: InstrumentationScope | None) -> Owner:
    """What an owner is on the wire."""
    if isinstance(resource, Owner):
        return resource
    described = framed(_RESOURCE, KeyValues(1).encode(resource.attributes))
    return Owner(described, _schema(resource.schema_url), *_scope_parts(scope))


def encode_request(items: Iterable[Encoded]) -> bytes:
    """One export request, items grouped by resource and scope."""
    groups: dict[tuple[int, int], list[bytes]] = {}
    owners: dict[tuple[int, int], tuple[Resource | Owner, InstrumentationScope | None]] = {}
    group: list[bytes] = []
    last_resource: object = groups
    last_scope: object = groups
    for resource, scope, record in items:
        if resource is not last_resource or scope is not last_scope:
            # By identity: a resource's own hash is over its JSON, and there are few objects.
            key = (id(resource), id(scope))
            group = groups.setdefault(key, [])
            owners[key] = (resource, scope)
            last_resource, last_scope = resource, scope
        group.append(record)
    return b"".join(
        part for key, records in groups.items() for part in _resource_item(encode_owner(*owners[key]), records)
    )


def _resource_item(owner: Owner, records: list[bytes]) -> tuple[bytes, ...]:
    """The parts of one `ResourceSpans`: its lengths are counted first, so that a big request is copied only once."""
    described, schema, head, tail = owner
    scope_size = len(head) + sum(map(len, records)) + len(tail)
    scope_frame = _SCOPE_ITEM + varint(scope_size)
    size = len(described) + len(scope_frame) + scope_size + len(schema)
    return (_RESOURCE_ITEM + varint(size) + described + scope_frame + head, *records, tail + schema)


@lru_cache(maxsize=64)
def _scope_parts(scope: InstrumentationScope | None) -> tuple[bytes, bytes]:
    if scope is None:
        return framed(_SCOPE, b""), b""
    message = framed(_TEXT_1, text_bytes(scope.name or ""))
    if scope.version:
        message += framed(_TEXT_2, text_bytes(scope.version))
    if scope.attributes:
        message += KeyValues(3).encode(scope.attributes)
    return framed(_SCOPE, message), _schema(scope.schema_url)


def _schema(url: Any) -> bytes:
    return framed(_SCHEMA_URL, text_bytes(url)) if url else b""
