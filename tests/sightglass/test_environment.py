"""No variable of OpenTelemetry's, however wrong, keeps a service from starting; what can't be used is told."""

import logging
import os
import subprocess
import sys

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import sightglass
from sightglass import startup
from sightglass.environment import settle
from tests.sightglass.receiver import running_receiver

BAD = {
    "OTEL_METRICS_EXEMPLAR_FILTER": "bogus",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "abc",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "1.5",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "long",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "-5",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "many",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "-1",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "x",
    "OTEL_BSP_MAX_QUEUE_SIZE": "x",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1000000",
    "OTEL_BSP_SCHEDULE_DELAY": "-1",
    "OTEL_BSP_EXPORT_TIMEOUT": "-1",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "0",
    "OTEL_BLRP_SCHEDULE_DELAY": "inf",
    "OTEL_TRACES_SAMPLER": "bogus",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "abc",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "-1",
    "OTEL_EXPORTER_OTLP_HEADERS": "nonsense,=,fine=yes",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector:4318",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://[::1",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x:99999999",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "bogus",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "/does/not/exist",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/does/not/exist",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": "/",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "bogus",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "bogus",
    "OTEL_RESOURCE_ATTRIBUTES": "nonsense,team=shop",
    "OTEL_METRIC_EXPORT_INTERVAL": "abc",
    "OTEL_METRIC_EXPORT_TIMEOUT": "abc",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "bogus",
    "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "[",
    "OTEL_PYTHON_EXCLUDED_URLS": "(",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "(",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": "[",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS": "(",
}
SERVICE = """
import sightglass
from fastapi import FastAPI
from fastapi.testclient import TestClient
app = FastAPI()
app.add_api_route("/x", lambda: sightglass.record_prediction({"a": 1}, prediction_id="p1"))
telemetry = sightglass.instrument(app, service_name="s", stock=STOCK, model=sightglass.Model("m", "1"))
with TestClient(app) as client:
    assert client.get("/x").json() == "p1"
assert telemetry.flush()
"""


def serve_once(receiver, variables, *, stock=False):
    """One request to a service with these variables in a process of its own; what it wrote."""
    finished = subprocess.run(
        [sys.executable, "-Wignore", "-c", SERVICE.replace("STOCK", str(stock))],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stderr


@pytest.fixture
def stopped():
    """Whatever this test started ends with it."""
    yield
    if (telemetry := startup.current()) is not None:
        telemetry.shutdown(0.01)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_telemetry_goes_on_without_a_variable_that_cannot_be_used(monkeypatch, caplog, stopped, name, stock):
    """The service starts and answers, one warning names the variable, and the event arrives as without it."""
    with running_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv(name, BAD[name])
        monkeypatch.setenv("OTEL_BSP_EXPORT_TIMEOUT", os.environ.get("OTEL_BSP_EXPORT_TIMEOUT", "5000"))
        app = FastAPI()
        app.add_api_route("/x", lambda: sightglass.record_prediction({"a": 1}))
        telemetry = sightglass.instrument(app, service_name="s", model=sightglass.Model("m", "1"), stock=stock)
        client = TestClient(app)
        assert client.get("/x").status_code == 200
        assert telemetry.flush()
        assert len(receiver.spans) == len(receiver.events("ml.prediction")) == 1
        assert receiver.total("ml.prediction.count") == 1
    warnings = [record.getMessage() for record in caplog.records if record.name == "sightglass.startup"]
    assert len(warnings) == 1
    assert warnings[0].startswith(name)
    assert "Correct the variable, or remove it." in warnings[0]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, []),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "abc"}, ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=abc is not"]),
        ({"OTEL_PROPAGATORS": "bogus"}, ["OTEL_PROPAGATORS=bogus is not"]),
        ({"OTEL_PROPAGATORS": "tracecontext, bogus"}, ["what can be used of it"]),
        ({"OTEL_PYTHON_TRACER_PROVIDER": "bogus"}, ["OTEL_PYTHON_TRACER_PROVIDER"]),
        ({"OTEL_PYTHON_METER_PROVIDER": "bogus"}, ["OTEL_PYTHON_METER_PROVIDER"]),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "7"},
            ["OTEL_TRACES_SAMPLER_ARG=7 is not a ratio from 0 to 1"],
        ),
        (
            {**BAD, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "-1", "OTEL_PROPAGATORS": ","},
            [*BAD, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_PROPAGATORS"],
        ),
    ],
    ids=["none", "limit", "propagator", "one propagator", "tracer", "meter", "ratio", "all at once"],
)
def test_also_what_opentelemetry_reads_on_import_stops_nobody(variables, told):
    """`import sightglass` raises nothing, says on standard error what is wrong, and everything arrives."""
    with running_receiver() as receiver:
        written = serve_once(receiver, variables)
        assert len(receiver.spans) == len(receiver.events("ml.prediction")) == 1
    assert [text for text in told if text not in written] == []
    assert told or not written


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "none"},
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"},
        {"OTEL_EXPORTER_OTLP_COMPRESSION": ""},
        {"OTEL_EXPORTER_OTLP_TIMEOUT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:9"},
        {"OTEL_METRICS_EXEMPLAR_FILTER": ""},
        {"OTEL_METRICS_EXEMPLAR_FILTER": "Always_Off"},
        {"OTEL_ATTRIBUTE_COUNT_LIMIT": ""},
        {"OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES": "unavailable, ABORTED"},
        {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc,X-Other = 1"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "10"},
    ],
    ids=str,
)
@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_what_the_specification_allows_is_used_without_a_word(monkeypatch, caplog, stopped, variables, stock):
    """Also over gRPC, whose exporter refuses `none`, and where a blank variable means none."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    telemetry = sightglass.start("s", stock=stock)
    assert len(telemetry._connections) == 3
    assert [record.getMessage() for record in caplog.records if record.name.startswith("sightglass")] == []


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "bogus"},
        {"OTEL_EXPORTER_OTLP_TIMEOUT": "abc"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"},
        {"OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES": "bogus"},
        {"OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER": "bogus"},
        {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/does/not/exist"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_grpc_goes_on_without_what_it_cannot_use(monkeypatch, caplog, stopped, variables):
    """Its exporter raises where the other one warns."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert len(sightglass.start("s")._connections) == 3
    (record,) = (record for record in caplog.records if record.name == "sightglass.startup")
    assert record.getMessage().startswith(next(iter(variables)))


def test_a_secret_is_not_logged_with_its_variable(caplog):
    """Headers and endpoints can hold passwords; of headers the good ones stay."""
    environ = {
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization: Bearer s3cret,x-token=kept,line=a%0Ab,coin=%E2%82%AC",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "me:s3cret@collector",
    }
    assert settle(environ) == ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"]
    assert environ == {"OTEL_EXPORTER_OTLP_HEADERS": "x-token=kept"}
    assert "s3cret" not in caplog.text


def test_what_no_rule_foresees_leaves_the_service_without_telemetry(monkeypatch, caplog, stopped):
    """The log says so, predictions have ids, and a wrong variable in the way does not raise a second time."""

    def refuse(*_):
        raise RuntimeError("refused")

    monkeypatch.setattr(startup.OtlpExporters, "spans", refuse)
    monkeypatch.setattr(startup, "settle", lambda: None)
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "abc")
    app = FastAPI()
    app.add_api_route("/x", lambda: sightglass.record_prediction({"a": 1}, prediction_id="p"))
    telemetry = sightglass.instrument(app, service_name="s")
    assert TestClient(app).get("/x").json() == "p"
    assert telemetry.flush()
    (record,) = (record for record in caplog.records if record.name == "sightglass.startup")
    assert "the service runs without" in record.getMessage()
    assert os.environ["OTEL_ATTRIBUTE_COUNT_LIMIT"] == "abc"
