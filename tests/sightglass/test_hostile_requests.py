"""Whatever a client sends, telemetry neither fails the request nor becomes impossible to export."""

import asyncio

import pytest
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

import sightglass

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "path": "/x",
    "raw_path": b"/x",
    "query_string": b"",
    "root_path": "",
    "scheme": "http",
    "server": ("127.0.0.1", 80),
    "client": ("1.2.3.4", 5),
    "headers": [],
}


async def status_of(app, **changes):
    """Status of the answer to one request, as a server would call the application."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(SCOPE | changes, receive, send)
    return sent[0]["status"]


@pytest.fixture
def app(telemetry):
    """An instrumented application with one route."""
    app = FastAPI()
    app.add_api_route("/x", lambda: sightglass.record_prediction({"a": 1}, score=0.5))
    sightglass.instrument(app)
    return app


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"user-agent", b"\xff\xfe"),
        (b"user-agent", b"x" * 1_000_000),
        (b"host", b"\xff:99999999999"),
        (b"host", b"a:b:c"),
        (b"traceparent", b"\xff" * 100),
        (b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"),
        (b"tracestate", b"=,=," * 1_000),
        (b"baggage", b"x" * 10_000),
        (b"content-length", b"abc"),
    ],
)
def test_a_hostile_header_is_answered_and_exported(app, telemetry, name, value):
    """One span of bounded size and its prediction, whatever the header; a cut value is 8,192 long, and counted."""
    assert asyncio.run(status_of(app, headers=[(name, value)])) == 200
    (span,) = telemetry.spans
    assert len(encode_spans([span]).SerializeToString()) < 20_000
    if len(value) == 1_000_000:
        assert len(span.attributes["user_agent.original"]) == 8_192
    counted = telemetry.metrics.get("sightglass.spans.cut")
    assert sum(point.value for point in counted.data.data_points) == 1 if len(value) == 1_000_000 else counted is None
    (event,) = telemetry.records
    assert event.log_record.attributes["ml.prediction.id"] == span.attributes["ml.prediction.id"]
    assert (event.log_record.trace_id, event.log_record.span_id) == (span.context.trace_id, span.context.span_id)


@pytest.mark.parametrize(
    "changes", [{"query_string": b"\xff\xfe=1&a=%ff"}, {"client": None}, {"server": None}, {"method": "ODD\xff"}]
)
def test_an_odd_request_is_answered_as_without_telemetry(app, telemetry, changes):
    """The status is that of the bare application, and there is one span."""
    bare = FastAPI()
    bare.add_api_route("/x", lambda: 1)
    assert asyncio.run(status_of(app, **changes)) == asyncio.run(status_of(bare, **changes))
    assert len(telemetry.spans) == 1
    assert encode_spans(telemetry.spans).SerializeToString()
