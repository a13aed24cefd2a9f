"""What a real receiver is sent by the stock parts and by ours: the messages, decoded."""

from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import sightglass
from sightglass.telemetry import current
from tests.sightglass.equivalence import described
from tests.sightglass.equivalence.application import bare_applications
from tests.sightglass.equivalence.calls import CALLS, Call
from tests.sightglass.equivalence.observation import Setup, observe
from tests.sightglass.receiver import running_receiver

_TYPES: dict[str, Any] = {"/v1/traces": ExportTraceServiceRequest, "/v1/logs": ExportLogsServiceRequest}
_MODEL = sightglass.Model("m", "1")
_INSTANCE = "service.instance.id"


def build(instrument):
    """The application of these tests, with handlers that record predictions, labels and log records."""
    app, mounted = bare_applications()
    instrument(mounted)
    instrument(app)

    @app.get("/predict")
    async def predict():
        sightglass.record_prediction(
            {"a": 1, "b": "text", "c": None, "é": 2.5, "d": [1, {"x": True}]},
            score=0.25,
            label="late",
            scores={"late": 0.25, "other": 0.75},
            positive=True,
            model=_MODEL,
            prediction_id="one",
            entity_id=7,
            duration_seconds=0.125,
            timestamp=1_700_000_005_000_000_000,
        )
        sightglass.record_prediction({}, value=1.5, model=_MODEL, prediction_id="two", features_source="fallback")
        sightglass.record_label("one", True, observed_at=1_700_000_009_000_000_000)

    @app.get("/logs")
    def logs():
        current().logger_provider.get_logger("own", "1", "https://example.test").emit(
            LogRecord(
                timestamp=5,
                severity_number=SeverityNumber.WARN,
                severity_text="WARNING",
                body={"k": [1, None, b"x"]},
                attributes={"n": 1, "list": [1, 2]},
                event_name="an.event",
            )
        )

    return app


def sent(calls, *, stock, **environment):
    """The records of each path, decoded, by what they are of."""
    bodies = []
    with running_receiver() as receiver:
        take = receiver.take

        def keep(path, body, **options):
            bodies.append((path, body))
            return take(path, body, **options)

        receiver.take = keep
        variables = environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
        seen = observe(Setup(variables, build=build, sends=True), calls, stock=stock)
    assert seen.answers.keys() == calls.keys()
    found = {
        path: [record for at, body in bodies if at == path for record in records(kind.FromString(body))]
        for path, kind in _TYPES.items()
    }
    return found | {"/v1/metrics": points([body for at, body in bodies if at == "/v1/metrics"][-1])}


def points(body):
    """The request metrics of one export: name, unit, what they count, and each point's attributes and count."""
    return sorted(
        (
            metric.name,
            metric.unit,
            metric.WhichOneof("data"),
            str(scope.scope),
            scope.schema_url,
            sorted((item.key, str(item.value)) for item in point.attributes),
            getattr(point, "count", None),
            bool(point.exemplars) and metric.WhichOneof("data") == "histogram",
        )
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name.startswith("http.")
        for point in getattr(metric, metric.WhichOneof("data")).data_points
    )


def records(request):
    """Each record with its scope and resource, as text without moments."""
    for _, resources in request.ListFields():
        for resource in resources:
            for attribute in resource.resource.attributes:
                if attribute.key == _INSTANCE:
                    attribute.value.string_value = "instance"
            for _, scopes in resource.ListFields()[1:2]:
                for scope in scopes:
                    items = getattr(scope, "spans", None) or getattr(scope, "log_records", None) or ()
                    for item in items:
                        without_moments(item)
                        yield (item, scope.scope, scope.schema_url, resource.resource, resource.schema_url)


def without_moments(item):
    """Moments that the clock gave are all the same, and so are stack frames of the middleware."""
    for name in ("start_time_unix_nano", "end_time_unix_nano", "observed_time_unix_nano"):
        if hasattr(item, name):
            assert getattr(item, name) > 0
            setattr(item, name, 1)
    for event in getattr(item, "events", ()):
        event.time_unix_nano = min(event.time_unix_nano, 1_000)
        for attribute in event.attributes:
            if attribute.key == "exception.stacktrace":
                attribute.value.string_value = described.stack(attribute.value.string_value)
    if getattr(item, "time_unix_nano", 0) > 10**18:
        item.time_unix_nano = 1
    attributes = sorted(item.attributes, key=lambda attribute: attribute.key)
    del item.attributes[:]
    item.attributes.extend(attributes)


def readable(items):
    """Records as text, in an order of their own."""
    return sorted("\n".join(map(str, item)) for item in items)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_receiver_is_sent_the_same_spans_events_and_records(compression):
    """Every span of every request, every prediction, label and log record, with scope and resource, and all metrics."""
    calls = CALLS | {"predict": Call("/predict"), "logs": Call("/logs"), "predict again": Call("/predict")}
    stock, ours = (sent(calls, stock=stock, OTEL_EXPORTER_OTLP_COMPRESSION=compression) for stock in (True, False))
    assert readable(ours["/v1/traces"]) == readable(stock["/v1/traces"])
    assert readable(ours["/v1/logs"]) == readable(stock["/v1/logs"])
    assert ours["/v1/metrics"] == stock["/v1/metrics"]
    assert len(stock["/v1/metrics"]) > 100
    assert len(stock["/v1/traces"]) > len(CALLS)
    assert sorted(item[0].event_name for item in stock["/v1/logs"]) == [
        "an.event",
        *["ml.label"] * 2,
        *["ml.prediction"] * 4,
    ]
