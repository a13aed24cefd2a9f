"""The registry agrees with itself, and names every metric that an instrumented service has."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum

import sightglass
from sightglass import Model
from sightglass.attributes import REGISTRY
from sightglass.testing import in_memory_telemetry

METRICS = {term.name: term for term in REGISTRY if term.kind in {"counter", "histogram", "gauge"}}
SDK_METRICS = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"
# Those of OpenTelemetry that the registry leaves to its conventions.
CONVENTIONS = {
    "http.server.request.duration": "s",
    "http.server.active_requests": "{request}",
    "http.server.request.body.size": "By",
    "http.server.response.body.size": "By",
}
QUEUES = {
    f"otel.sdk.processor.{noun}.queue.{what}": unit
    for noun, unit in (("span", "{span}"), ("log", "{log_record}"))
    for what in ("size", "capacity")
}


@pytest.fixture(params=[False, True], ids=["ours", "stock"])
def metrics(request, monkeypatch):
    """The metrics of a service that predicted and dropped, without the SDK's further ones of itself."""
    # Where it is set, be it to nothing, stock telemetry does not set it for the whole process.
    monkeypatch.setenv(SDK_METRICS, "")
    app = FastAPI()
    app.add_api_route("/x", lambda: sightglass.record_prediction({"a": 1}, score=0.5, duration_seconds=0.1))
    with in_memory_telemetry(model=Model("m", "1"), stock=request.param) as telemetry:
        sightglass.instrument(app)
        with TestClient(app) as client:
            client.get("/x")
        with sightglass.model_call(queue_seconds=0.1):
            pass
        sightglass.record_prediction({}, features_source="fallback")
        sightglass.record_label("p", "a", observed_at=10**18)
        for signal in ("spans", "logs"):
            telemetry._losses.dropped(signal, "queue_full")
        telemetry.tallies.ended = True
        telemetry.flush()
        yield telemetry.metrics


def test_a_metric_s_attributes_are_the_attributes_places():
    """What a metric says that it has, and where an attribute says that it is, are the same pairs."""
    attributes = [term for term in REGISTRY if term.kind == "attribute"]
    ours = {term.name for term in attributes}
    by_metric = {(name, metric) for metric, term in METRICS.items() for name in term.found_on if name in ours}
    by_attribute = {(term.name, place) for term in attributes for place in term.found_on if place in METRICS}
    assert by_metric == by_attribute
    places = {"span", *(term.name for term in REGISTRY if term.kind != "attribute")}
    assert {place for term in attributes for place in term.found_on} <= places


def test_every_metric_of_a_service_is_known_with_its_kind_unit_and_attributes(metrics):
    """Nothing is emitted that is neither in the registry, nor a queue's, nor one of the stable HTTP conventions."""
    assert {"ml.prediction.count", "ml.model.score", "http.server.request.duration"} <= metrics.keys()
    unknown = set()
    for name, metric in metrics.items():
        attributes = {key for point in metric.data.data_points for key in point.attributes}
        if name in METRICS:
            term = METRICS[name]
            kinds = {"gauge": Gauge, "histogram": Histogram, "counter": Sum}
            assert type(metric.data) is kinds[term.kind], name
            assert metric.unit == term.type, name
            assert attributes <= set(term.found_on), (name, attributes)
        elif (unit := {**CONVENTIONS, **QUEUES}.get(name)) is None:
            unknown.add(name)
        else:
            assert metric.unit == unit, name
    assert unknown == set()
