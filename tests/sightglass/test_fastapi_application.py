import asyncio

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, WebSocket
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import sightglass
from sightglass.testing import in_memory_telemetry

TELEMETRY_SETTINGS = {
    "absent": {},
    "none": {"telemetry": None},
    "empty": {"telemetry": {}},
    "on": {"telemetry": {"tracing": True, "metrics": True, "logs": True, "operation_spans": True}},
    "off": {"telemetry": {"tracing": False, "metrics": False, "logs": False}},
}


def make_app(telemetry, native=None, **options):
    """An application with something of everything; FastAPI's own telemetry sees our providers."""
    settings = dict(native or {})
    if settings.get("telemetry"):
        settings["telemetry"] = settings["telemetry"] | {
            "tracer_provider": telemetry.tracer_provider,
            "meter_provider": telemetry.meter_provider,
            "logger_provider": telemetry.logger_provider,
        }
    app = FastAPI(**settings)
    router = APIRouter(prefix="/router")

    @app.get("/items/{item}")
    async def item(item: int):
        return item

    @router.get("/{name}")
    def named(name: str):
        return name

    @app.get("/fails")
    def fails():
        raise RuntimeError("broken")

    @app.get("/refuses")
    def refuses():
        raise HTTPException(404)

    @app.get("/background")
    async def background(tasks: BackgroundTasks):
        tasks.add_task(asyncio.sleep, 0)

    inner = FastAPI(**settings)

    @inner.get("/deep")
    def deep():
        return 1

    app.include_router(router)
    app.mount("/mounted", inner)
    sightglass.instrument(app, **options)
    return app


PATHS = {
    "/items/3": 200,
    "/items/x": 422,
    "/router/a": 200,
    "/refuses": 404,
    "/nowhere": 404,
    "/fails": 500,
    "/background": 200,
    "/mounted/deep": 200,
}


@pytest.mark.parametrize("native", TELEMETRY_SETTINGS.values(), ids=TELEMETRY_SETTINGS.keys())
def test_exactly_one_server_span_per_request(telemetry, native):
    """Whatever telemetry FastAPI brings itself, for every kind of route and answer, mounted applications included."""
    with TestClient(make_app(telemetry, native), raise_server_exceptions=False) as client:
        for path, status in PATHS.items():
            assert client.get(path).status_code == status
    servers = [span for span in telemetry.spans if span.kind is SpanKind.SERVER]
    assert sorted(span.attributes["url.path"] for span in servers) == sorted(PATHS)
    others = {span.name for span in telemetry.spans if span.kind is not SpanKind.SERVER}
    # The stock instrumentor patches background tasks once per process, with the first provider it met.
    assert others <= {"BackgroundTask sleep"}
    durations = telemetry.metrics["http.server.request.duration"].data.data_points
    assert sum(point.count for point in durations) == len(PATHS)


def test_a_span_has_the_stable_http_attributes(telemetry):
    """The whole span of a request: name, kind, every attribute with its type."""
    with TestClient(make_app(telemetry)) as client:
        client.get("/items/3?q=1", headers={"user-agent": "tester"})
    (span,) = telemetry.spans
    assert (span.name, span.kind, span.status.status_code) == ("GET /items/{item}", SpanKind.SERVER, StatusCode.UNSET)
    expected = {
        "client.address": "testclient",
        "client.port": 50000,
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/{item}",
        "network.protocol.version": "1.1",
        "server.address": "testserver",
        "server.port": 80,
        "url.path": "/items/3",
        "url.query": "q=1",
        "url.scheme": "http",
        "user_agent.original": "tester",
    }
    assert dict(span.attributes) == expected
    assert {name: type(value) for name, value in span.attributes.items()} == {
        name: type(value) for name, value in expected.items()
    }
    resource = dict(span.resource.attributes)
    assert resource["service.name"] == "test"
    assert len(resource["service.instance.id"]) == 36


def test_an_exception_is_on_the_span(telemetry):
    """A failed request is found by its status and names its error."""
    with TestClient(make_app(telemetry), raise_server_exceptions=False) as client:
        client.get("/fails")
    (span,) = telemetry.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["http.response.status_code"] == 500
    assert [event.name for event in span.events] == ["exception"]
    assert span.events[0].attributes["exception.message"] == "broken"


def test_a_remote_parent_is_continued(telemetry):
    """W3C trace context in: the caller's trace goes on here."""
    with TestClient(make_app(telemetry)) as client:
        client.get("/items/3", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    (span,) = telemetry.spans
    assert span.context.trace_id == int("ab" * 16, 16)
    assert span.parent.span_id == int("cd" * 8, 16)


def test_a_prediction_made_in_a_handler_is_in_its_trace(telemetry):
    """Synchronous and asynchronous handlers alike."""
    app = FastAPI()

    @app.get("/sync")
    def sync():
        return sightglass.record_prediction({"a": 1})

    @app.get("/async")
    async def asynchronous():
        return sightglass.record_prediction({"a": 1})

    sightglass.instrument(app)
    with TestClient(app) as client:
        answered = {path: client.get(path).json() for path in ("/sync", "/async")}
    spans = {span.attributes["url.path"]: span for span in telemetry.spans}
    events = {readable.log_record.attributes["ml.prediction.id"]: readable.log_record for readable in telemetry.records}
    for path, identifier in answered.items():
        assert spans[path].attributes["ml.prediction.id"] == identifier
        assert events[identifier].span_id == spans[path].context.span_id
        assert events[identifier].trace_id == spans[path].context.trace_id


def test_excluded_urls_have_no_span_at_all(telemetry):
    """Neither ours nor one of FastAPI's own, in mounted applications either."""
    app = make_app(telemetry, TELEMETRY_SETTINGS["on"], excluded_urls="items,deep")
    with TestClient(app) as client:
        client.get("/items/3")
        client.get("/mounted/deep")
        client.get("/router/a")
    assert [span.name for span in telemetry.spans] == ["GET /router/{name}"]


def test_a_websocket_is_one_server_span(telemetry):
    """A connection, not each message."""
    app = FastAPI()

    @app.websocket("/socket")
    async def socket(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    sightglass.instrument(app)
    with TestClient(app) as client, client.websocket_connect("/socket") as connection:
        assert connection.receive_text() == "hello"
    assert [(span.name, span.kind) for span in telemetry.spans] == [("HTTP /socket", SpanKind.SERVER)]


def test_instrumenting_twice_changes_nothing(telemetry):
    """The second call returns the same telemetry and adds no layer."""
    app = make_app(telemetry)
    assert sightglass.instrument(app) is telemetry
    with TestClient(app) as client:
        client.get("/items/3")
    assert len(telemetry.spans) == 1


def test_an_application_that_served_already_is_traced_from_now_on(telemetry):
    """Instrumenting late is better than not at all."""
    app = FastAPI()
    app.add_api_route("/x", lambda: 1)
    client = TestClient(app)
    client.get("/x")
    sightglass.instrument(app)
    client.get("/x")
    assert len(telemetry.spans) == 1


def test_fastapis_own_exporters_are_not_added_to_ours(telemetry, monkeypatch):
    """FASTAPI_OTEL_AUTO_CONFIGURE=true would send everything twice."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    processors = telemetry.tracer_provider._active_span_processor._span_processors
    app = make_app(telemetry, {"telemetry": {"tracing": True}})
    with TestClient(app) as client:
        client.get("/items/3")
    assert telemetry.tracer_provider._active_span_processor._span_processors == processors


def test_the_end_of_the_lifespan_flushes(telemetry):
    """When the server stops, everything recorded until then is delivered, after the application's own shutdown."""
    exported = []
    app = make_app(telemetry)
    app.router.add_event_handler("shutdown", lambda: sightglass.record_prediction({"last": True}))
    with TestClient(app) as client:
        client.get("/items/3")
    exported += telemetry._kept.kept_spans.get_finished_spans()
    exported += telemetry._kept.kept_logs.get_finished_logs()
    assert len(exported) == 2


def test_a_users_own_provider_gets_no_second_server_span(telemetry):
    """FastAPI's telemetry pointed at a provider of the user's stays quiet beside ours."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = FastAPI(telemetry={"tracer_provider": provider})
    app.add_api_route("/x", lambda: 1)
    sightglass.instrument(app)
    with TestClient(app) as client:
        client.get("/x")
    assert len(telemetry.spans) == 1
    assert not exporter.get_finished_spans()


def test_an_application_instrumented_again_after_a_shutdown_is_traced_by_the_new_telemetry():
    """The layers of the closed one are taken off: one span for a request, and none is lost."""
    with in_memory_telemetry() as first:
        app = make_app(first)
        TestClient(app).get("/items/1")
        assert len(first.spans) == 1
    with in_memory_telemetry() as second:
        sightglass.instrument(app)
        answer = TestClient(app).get("/items/2")
        (span,) = second.spans
        assert answer.headers["x-trace-id"] == f"{span.context.trace_id:032x}"
    assert len(first.spans) == 1


def test_what_cannot_be_instrumented_stays_as_it_is(telemetry):
    """Any ASGI callable, or nothing: a fault is told, and nothing is raised."""

    async def plain(scope, receive, send):
        """No FastAPI application."""

    assert sightglass.instrument(plain) is telemetry
    assert sightglass.instrument(None) is telemetry


def test_a_wrong_expression_excludes_nothing_and_is_told(telemetry, caplog):
    """The application is traced all the same."""
    app = make_app(telemetry, excluded_urls="(")
    assert TestClient(app).get("/items/1").status_code == 200
    assert len(telemetry.spans) == 1
    assert "excluded_urls" in caplog.text


def test_a_layer_that_cannot_be_built_leaves_the_application_to_answer(telemetry, monkeypatch):
    """OpenTelemetry's middleware fails on what it reads late: requests are served, untraced."""
    app = make_app(telemetry)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", "(")
    assert TestClient(app).get("/items/1").status_code == 200


def test_what_a_second_call_asks_for_in_vain_is_told(telemetry, caplog):
    """Another name, settings or the stock parts: the telemetry that runs goes on with its own."""
    app = make_app(telemetry)
    sightglass.instrument(app, service_name="other", stock=True)
    assert "goes on with its own service_name, stock" in caplog.text
