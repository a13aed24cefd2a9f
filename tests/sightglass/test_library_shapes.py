"""The shapes a model service has: each prediction is one event, in the trace of what asked for it."""

import asyncio
import json
from collections import Counter

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.trace import SpanKind

import sightglass
from sightglass import Model
from sightglass.testing import in_memory_telemetry

MODEL = Model("m", "1")
CALLER = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture(params=["ours", "stock"])
def telemetry(request):
    """What the library records in this test, by its own parts and by OpenTelemetry's."""
    with in_memory_telemetry(model=MODEL, stock=request.param == "stock") as telemetry:
        yield telemetry


def predictions(telemetry):
    """The prediction events, in the order they were recorded."""
    return [readable.log_record for readable in telemetry.records if readable.log_record.event_name == "ml.prediction"]


def server_spans(telemetry):
    """The server spans, by path."""
    spans = [span for span in telemetry.spans if span.kind is SpanKind.SERVER]
    found = {span.attributes["url.path"]: span for span in spans}
    assert len(found) == len(spans)
    return found


def serve(app):
    """A client of the instrumented application."""
    sightglass.instrument(app)
    return TestClient(app)


def test_several_models_in_one_process(telemetry):
    """Each prediction is of the model it names, in events and counts; the span has the first one's names."""
    app = FastAPI()
    price, risk = Model("price", "1", "regression"), Model("risk", "4")

    @app.get("/quote")
    def quote():
        sightglass.record_prediction({"a": 1}, model=price, value=12.5)
        sightglass.record_prediction({"a": 1}, model=risk, score=0.5)
        sightglass.record_prediction({"a": 1}, score=0.25)

    with serve(app) as client:
        client.get("/quote")
    found = [
        (event.attributes["ml.model.name"], event.attributes["ml.model.version"], event.attributes["ml.task"])
        for event in predictions(telemetry)
    ]
    assert found == [("price", "1", "regression"), ("risk", "4", "binary"), ("m", "1", "binary")]
    points = telemetry.metrics["ml.prediction.count"].data.data_points
    assert {point.attributes["ml.model.name"]: point.value for point in points} == {"price": 1, "risk": 1, "m": 1}
    span = server_spans(telemetry)["/quote"]
    assert (span.attributes["ml.model.name"], span.attributes["ml.prediction.batch_size"]) == ("price", 3)


def test_a_batch_is_one_event_per_item_and_one_span(telemetry):
    """The span has the first id and how many there were; every event is in that span."""
    app = FastAPI()

    @app.post("/batch")
    async def batch(items: list[dict[str, float]]):
        return [sightglass.record_prediction(item, score=0.5) for item in items]

    with serve(app) as client:
        answered = client.post("/batch", json=[{"a": number} for number in range(50)]).json()
    events = predictions(telemetry)
    assert [event.attributes["ml.prediction.id"] for event in events] == answered
    assert [json.loads(event.body)["features"]["a"] for event in events] == list(range(50))
    span = server_spans(telemetry)["/batch"]
    assert {(event.trace_id, event.span_id) for event in events} == {(span.context.trace_id, span.context.span_id)}
    assert span.attributes["ml.prediction.id"] == answered[0]
    assert span.attributes["ml.prediction.batch_size"] == 50


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_prediction_in_a_background_task_joins_the_request_s_trace(telemetry, kind):
    """Made after the answer, it is found from the request all the same."""
    app = FastAPI()

    def score():
        sightglass.record_prediction({"a": 1}, score=0.5)

    async def score_later():
        await asyncio.sleep(0)
        score()

    @app.get("/work")
    def work(tasks: BackgroundTasks):
        tasks.add_task(score if kind == "sync" else score_later)

    with serve(app) as client:
        client.get("/work", headers={"traceparent": CALLER})
    (event,) = predictions(telemetry)
    assert event.trace_id == server_spans(telemetry)["/work"].context.trace_id == int("ab" * 16, 16)
    assert event.span_id != 0


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_predictions_made_while_streaming_are_in_the_request_s_span(telemetry, kind):
    """One server span, which lasts until the last part, and has the first prediction's id."""
    app = FastAPI()

    def parts():
        for number in range(3):
            yield sightglass.record_prediction({"number": number}, score=0.5) + "\n"

    async def parts_later():
        for part in parts():
            await asyncio.sleep(0)
            yield part

    @app.get("/stream")
    def stream():
        return StreamingResponse(parts() if kind == "sync" else parts_later())

    with serve(app) as client:
        answered = client.get("/stream").text.split()
    span = server_spans(telemetry)["/stream"]
    events = predictions(telemetry)
    assert [event.attributes["ml.prediction.id"] for event in events] == answered
    assert {(event.trace_id, event.span_id) for event in events} == {(span.context.trace_id, span.context.span_id)}
    assert span.attributes["ml.prediction.id"] == answered[0]
    assert span.attributes["ml.prediction.batch_size"] == 3
    assert span.start_time <= events[0].timestamp <= events[-1].timestamp <= span.end_time


def test_predictions_over_a_websocket_are_in_the_connection_s_span(telemetry):
    """A connection is one server span, and each message's prediction an event in it."""
    app = FastAPI()

    @app.websocket("/socket")
    async def socket(websocket: WebSocket):
        await websocket.accept()
        async for item in websocket.iter_json():
            await websocket.send_text(sightglass.record_prediction(item, score=0.5))

    with serve(app) as client, client.websocket_connect("/socket", headers={"traceparent": CALLER}) as connection:
        answered = []
        for number in range(3):
            connection.send_json({"number": number})
            answered.append(connection.receive_text())
    (span,) = telemetry.spans
    assert (span.kind, span.context.trace_id) == (SpanKind.SERVER, int("ab" * 16, 16))
    assert [event.attributes["ml.prediction.id"] for event in predictions(telemetry)] == answered
    assert {event.span_id for event in predictions(telemetry)} == {span.context.span_id}
    assert span.attributes["ml.prediction.batch_size"] == 3


def test_included_and_mounted_routes_predict_in_their_request_s_span(telemetry):
    """A router within a router, a mounted application and a host application of it: one span per request."""
    app, mounted = FastAPI(), FastAPI()
    outer, inner = APIRouter(prefix="/outer"), APIRouter(prefix="/inner")

    @inner.get("/{number}")
    @mounted.get("/{number}")
    def predict(number: int):
        return sightglass.record_prediction({"number": number}, score=0.5)

    outer.include_router(inner)
    app.include_router(outer)
    app.mount("/mounted", mounted)
    with serve(app) as client:
        answered = {path: client.get(path).json() for path in ("/outer/inner/1", "/mounted/2")}
    spans = server_spans(telemetry)
    assert {path: span.attributes["ml.prediction.id"] for path, span in spans.items()} == answered
    assert spans["/outer/inner/1"].attributes["http.route"] == "/outer/inner/{number}"
    assert spans["/mounted/2"].attributes["http.route"] == "/mounted"
    assert {event.span_id for event in predictions(telemetry)} == {span.context.span_id for span in spans.values()}


def test_a_prediction_behind_an_excluded_url_is_recorded_without_a_trace(telemetry):
    """No span is no reason to lose a prediction."""
    app = FastAPI()
    app.add_api_route("/quiet", lambda: sightglass.record_prediction({"a": 1}, score=0.5))
    sightglass.instrument(app, excluded_urls="quiet")
    with TestClient(app) as client:
        answered = client.get("/quiet").json()
    assert not telemetry.spans
    (event,) = predictions(telemetry)
    assert (event.attributes["ml.prediction.id"], event.trace_id) == (answered, 0)


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_the_trace_goes_on_to_whoever_is_called_next(telemetry, path):
    """What `inject` writes into an outgoing request names the current span, in the caller's trace."""
    app = FastAPI()

    @app.get("/sync")
    def sync():
        propagate.inject(carrier := {})
        return carrier

    @app.get("/async")
    async def asynchronous():
        propagate.inject(carrier := {})
        return carrier

    with serve(app) as client:
        carrier = client.get(path, headers={"traceparent": CALLER, "tracestate": "vendor=1"}).json()
    span_id = f"{server_spans(telemetry)[path].context.span_id:016x}"
    assert carrier == {"traceparent": f"00-{'ab' * 16}-{span_id}-01", "tracestate": "vendor=1"}


def test_an_unsampled_caller_gets_no_span_but_its_predictions_count(telemetry):
    """The caller's decision on the trace is followed; predictions are never sampled away."""
    app = FastAPI()
    app.add_api_route("/x", lambda: sightglass.record_prediction({"a": 1}, score=0.5))
    with serve(app) as client:
        client.get("/x", headers={"traceparent": CALLER[:-1] + "0"})
    assert not telemetry.spans
    (event,) = predictions(telemetry)
    assert event.trace_id == int("ab" * 16, 16)


def test_baggage_stays_what_the_caller_made_it(telemetry):
    """It is put on no span and no event, passed on as it came, and nothing of ours is added."""
    app = FastAPI()

    @app.get("/x")
    def handler():
        sightglass.record_prediction({"a": 1}, score=0.5, entity_id="c-1")
        propagate.inject(carrier := {})
        return {"carrier": carrier, "seen": dict(baggage.get_all())}

    with serve(app) as client:
        with_baggage = client.get("/x", headers={"baggage": "user=alice,plan=gold"}).json()
        without = client.get("/x").json()
    assert with_baggage["seen"] == {"user": "alice", "plan": "gold"}
    assert sorted(with_baggage["carrier"]["baggage"].split(",")) == ["plan=gold", "user=alice"]
    assert without["seen"] == {}
    assert set(without["carrier"]) == {"traceparent"}
    telling = [dict(span.attributes) for span in telemetry.spans]
    telling += [{"body": event.body, **event.attributes} for event in predictions(telemetry)]
    assert len(telling) == 4
    assert "alice" not in repr(telling)
    assert "gold" not in repr(telling)


def test_a_consumer_of_messages_goes_on_with_the_sender_s_trace(telemetry):
    """Plain Python without a server: a span per message, its parent from the message's headers."""
    running = sightglass.start("test", model=MODEL)
    assert running is telemetry
    for number in range(2):
        parent = propagate.extract({"traceparent": CALLER})
        with running.tracer.start_as_current_span("consume order", context=parent, kind=SpanKind.CONSUMER):
            sightglass.record_prediction({"number": number}, score=0.5)
    assert sightglass.flush()
    events = predictions(telemetry)
    assert {event.trace_id for event in events} == {int("ab" * 16, 16)}
    assert [event.span_id for event in events] == [span.context.span_id for span in telemetry.spans]
    assert context.get_current() == {}
    assert not trace.get_current_span().get_span_context().is_valid


def test_predictions_of_concurrent_requests_do_not_mix(telemetry):
    """Of many requests under way at once in one loop, each event is in its own request's span."""
    app = FastAPI()

    @app.get("/{number}")
    async def predict(number: int):
        await asyncio.sleep(0.001 * (number % 5))
        first = sightglass.record_prediction({"number": number}, score=0.5)
        await asyncio.sleep(0.001 * (number % 3))
        return [first, sightglass.record_prediction({"number": number}, score=0.5, variant="shadow")]

    sightglass.instrument(app)

    async def ask_all():
        import httpx

        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(40)))
        return {number: answer.json() for number, answer in enumerate(answers)}

    answered = asyncio.run(ask_all())
    spans = server_spans(telemetry)
    by_span = Counter(event.span_id for event in predictions(telemetry))
    assert by_span == {span.context.span_id: 2 for span in spans.values()}
    assert {number: spans[f"/{number}"].attributes["ml.prediction.id"] for number in answered} == {
        number: identifiers[0] for number, identifiers in answered.items()
    }
