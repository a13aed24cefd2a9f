"""What one request leaves behind: spans and events, compared whole."""

import json
import re

import pytest
from fastapi.testclient import TestClient
from opentelemetry.trace import SpanKind, StatusCode

from services.ml_api.app import create_app
from services.ml_api.scoring import Predictor
from tests.ml_api.conftest import FLIGHT, FLIGHT_WITHOUT_WEATHER

OURS = "sightglass"
FASTAPI = "opentelemetry.instrumentation.fastapi"


def described(spans):
    """Everything of each span that does not change from run to run; the parent by name."""
    names = {span.context.span_id: span.name for span in spans}
    assert len({span.context.trace_id for span in spans}) == 1
    return [
        {
            "name": span.name,
            "parent": names[span.parent.span_id] if span.parent else None,
            "kind": span.kind,
            "status": span.status.status_code,
            "scope": span.instrumentation_scope.name,
            "attributes": dict(span.attributes),
            "events": [(event.name, dict(event.attributes)) for event in span.events],
            "links": list(span.links),
        }
        for span in spans
    ]


def typed(value):
    """The value with its types, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [typed(item) for item in value]
    return (type(value).__name__, value)


def server_span(path, status, **attributes):
    """The server span that OpenTelemetry's FastAPI instrumentation makes of a test client's POST."""
    return {
        "name": f"POST {path}",
        "parent": None,
        "kind": SpanKind.SERVER,
        "status": StatusCode.ERROR if status >= 500 else StatusCode.UNSET,
        "scope": FASTAPI,
        "attributes": {
            "url.scheme": "http",
            "server.address": "localhost",
            "server.port": 80,
            "network.protocol.version": "1.1",
            "url.path": path,
            "http.request.method": "POST",
            "user_agent.original": "testclient",
            "client.address": "testclient",
            "client.port": 50000,
            "http.route": path,
            **attributes,
            "http.response.status_code": status,
        },
        "events": [],
        "links": [],
    }


def work_span(name, parent, attributes, events=()):
    """One of our own two spans."""
    return {
        "name": name,
        "parent": parent,
        "kind": SpanKind.INTERNAL,
        "status": StatusCode.UNSET,
        "scope": OURS,
        "attributes": attributes,
        "events": list(events),
        "links": [],
    }


def outcome(answer, model):
    """What a prediction puts on the server span and on its event."""
    return {
        "ml.prediction.id": answer["prediction_id"],
        "ml.model.name": "flight-delay",
        "ml.model.version": model.version,
        "ml.task": "binary",
        "ml.variant": "champion",
        "ml.features.source": answer["features_source"],
        "ml.prediction.score": answer["score"],
        "ml.prediction.label": answer["label"],
        "ml.prediction.positive": answer["label"] == "late",
    }


@pytest.mark.parametrize(
    "case", [(FLIGHT, "2013-12-08T12:00:00Z", 0), (FLIGHT_WITHOUT_WEATHER, "2014-06-01T16:00:00Z", 1)]
)
def test_a_prediction_leaves_exactly_three_spans(client, telemetry, predictor, case):
    """One server span, the weather lookup and the model call, with these attributes and no others."""
    flight, hour, missing = case
    answer = client.post("/v1/predict", json={"features": flight}).json()
    place = {"weather.origin": "EWR", "weather.hour": hour}
    assert typed(described(telemetry.spans)) == typed(
        [
            work_span(
                "weather.lookup",
                "POST /v1/predict",
                {"weather.lookups": 1, "weather.missing": missing, **place},
                [("weather.fallback", place)] if missing else [],
            ),
            work_span(
                "model.predict",
                "POST /v1/predict",
                {
                    "ml.model.name": "flight-delay",
                    "ml.model.version": predictor.model.version,
                    "ml.model.rows": 1,
                },
            ),
            server_span("/v1/predict", 200, **outcome(answer, predictor.model)),
        ]
    )


def test_a_prediction_leaves_exactly_one_event(client, telemetry, predictor):
    """The event carries every feature the model used, weather included, and points at the server span."""
    answer = client.post("/v1/predict", json={"features": FLIGHT, "entity_id": "N14228"}).json()
    (record,) = [item.log_record for item in telemetry.records if item.log_record.event_name]
    server = telemetry.spans[-1]
    attributes = dict(record.attributes)
    assert attributes.pop("ml.prediction.duration") > 0
    assert re.fullmatch(r"[0-9a-f]{32,64}", attributes.pop("ml.entity.id"))
    assert record.event_name == "ml.prediction"
    assert typed(attributes) == typed(outcome(answer, predictor.model))
    assert (record.trace_id, record.span_id) == (server.context.trace_id, server.context.span_id)
    assert typed(json.loads(record.body)) == typed(
        {
            "features": {
                "carrier": "UA",
                "origin": "EWR",
                "dest": "ORD",
                "distance": 719.0,
                "departure_hour": 7,
                "weekday": 7,
                "temperature": 28.94,
                "humidity": 55.69,
                "wind_speed": 8.05546,
                "wind_gust": None,
                "precipitation": 0.0,
                "pressure": 1035.8,
                "visibility": 10.0,
            },
            "scores": {"late": answer["score"], "on_time": round(1 - answer["score"], 7)},
        }
    )


def test_a_batch_is_one_lookup_and_one_model_call(client, telemetry, predictor):
    """However many items: three spans, an event for each item, the missing hours named once each."""
    items = [{"features": FLIGHT}, {"features": FLIGHT_WITHOUT_WEATHER}, {"features": FLIGHT_WITHOUT_WEATHER}] * 10
    predictions = client.post("/v1/predict/batch", json={"items": items}).json()["predictions"]
    place = {"weather.origin": "EWR", "weather.hour": "2014-06-01T16:00:00Z"}
    first = outcome(predictions[0], predictor.model)
    assert typed(described(telemetry.spans)) == typed(
        [
            work_span(
                "weather.lookup",
                "POST /v1/predict/batch",
                {"weather.lookups": 30, "weather.missing": 20},
                [("weather.fallback", place)],
            ),
            work_span(
                "model.predict",
                "POST /v1/predict/batch",
                {
                    "ml.model.name": "flight-delay",
                    "ml.model.version": predictor.model.version,
                    "ml.model.rows": 30,
                },
            ),
            server_span("/v1/predict/batch", 200, **first, **{"ml.prediction.batch_size": 30}),
        ]
    )
    records = [item.log_record for item in telemetry.records if item.log_record.event_name]
    ids = [record.attributes["ml.prediction.id"] for record in records]
    assert ids == [prediction["prediction_id"] for prediction in predictions]
    assert {record.trace_id for record in records} == {telemetry.spans[-1].context.trace_id}


@pytest.mark.parametrize(
    ("content", "status"), [(b"{}", 422), (b"{", 400), (b" " * 2_000_000, 413)], ids=["invalid", "malformed", "long"]
)
def test_refused_requests_leave_a_server_span_only(client, telemetry, content, status):
    """Bad input is visible under its route with its status, is no error of ours, and is no prediction."""
    client.post("/v1/predict", content=content, headers={"content-type": "application/json"})
    assert typed(described(telemetry.spans)) == typed([server_span("/v1/predict", status)])
    assert [record for record in telemetry.records if record.log_record.event_name] == []


def test_a_label_leaves_a_server_span_and_an_event(client, telemetry):
    """A label is an event of its own."""
    label = {"prediction_id": "abc", "label": "late", "observed_at": 1386517320}
    client.post("/v1/labels", json={"labels": [label]})
    assert typed(described(telemetry.spans)) == typed([server_span("/v1/labels", 200)])
    (record,) = [item.log_record for item in telemetry.records if item.log_record.event_name]
    assert record.event_name == "ml.label"
    assert typed(dict(record.attributes)) == typed(
        {
            "ml.prediction.id": "abc",
            "ml.label.value": "late",
            "ml.label.observed_at": "2013-12-08T15:42:00.000000000Z",
        }
    )


def test_a_failing_model_is_an_error_with_its_cause(telemetry, settings, monkeypatch):
    """The model raises: a 503 problem, both spans say Error and why, and no prediction is recorded."""

    def fail(_self, _rows):
        raise RuntimeError("out of trees")

    with TestClient(create_app(settings), base_url="http://localhost") as client:
        monkeypatch.setattr(Predictor, "decide", fail)
        response = client.post("/v1/predict", json={"features": FLIGHT})
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert "out of trees" not in response.text
    spans = {span.name: span for span in telemetry.spans}
    for name in ("model.predict", "POST /v1/predict"):
        assert spans[name].status.status_code is StatusCode.ERROR
        (event,) = spans[name].events
        assert event.attributes["exception.message"] == "out of trees"
    assert spans["weather.lookup"].status.status_code is StatusCode.UNSET
    assert [record for record in telemetry.records if record.log_record.event_name] == []


def test_probes_leave_nothing(client, telemetry):
    """Health checks are not traffic."""
    client.get("/healthz")
    client.get("/readyz")
    assert telemetry.spans == ()
