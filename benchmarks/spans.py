"""OTLP requests of a realistic shape, encoded before the clock starts."""

import random
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

_RESOURCE = {
    "service.name": "bench",
    "service.version": "1.4.2",
    "service.instance.id": "0b1f0f6e-6d1d-7e5a-9c39-3a8c0a3b0c11",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
    "host.name": "node-17",
    "deployment.environment.name": "production",
}


def requests(*, spans: int, per_request: int, seed: int) -> list[bytes]:
    """Encode `spans` spans with random ids, 11 span and 8 resource attributes, into requests of `per_request`."""
    draw = random.Random(seed)
    now = time.time_ns()
    return [
        _request([_span(draw, now + (first + offset) * 20_000) for offset in range(min(per_request, spans - first))])
        for first in range(0, spans, per_request)
    ]


def _request(spans: list[Span]) -> bytes:
    resource = Resource(attributes=_attributes(_RESOURCE))
    scoped = ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])
    return ExportTraceServiceRequest(resource_spans=[scoped]).SerializeToString()


def _span(draw: random.Random, start_ns: int) -> Span:
    status = draw.choices([200, 422, 500], [97, 2, 1])[0]
    return Span(
        trace_id=draw.randbytes(16),
        span_id=draw.randbytes(8),
        name="POST /v1/predict",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + int(draw.lognormvariate(15, 0.6)),
        attributes=_attributes(
            {
                "http.request.method": "POST",
                "http.route": draw.choice(["/v1/predict", "/v1/predict/batch", "/v1/labels"]),
                "http.response.status_code": status,
                "url.scheme": "http",
                "url.path": "/v1/predict",
                "network.protocol.version": "1.1",
                "server.address": "ml.internal",
                "server.port": 8002,
                "client.address": f"10.0.{draw.randrange(256)}.{draw.randrange(256)}",
                "user_agent.original": "python-httpx/0.28.1",
                "ml.model.version": f"v{draw.randrange(3)}",
            }
        ),
    )


def _attributes(values: dict[str, str | int]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))
        for key, value in values.items()
    ]
