"""OTLP messages made by hand, so that tests can send what no SDK would."""

import time
import urllib.request

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

_PATHS = {
    ExportTraceServiceRequest: "/v1/traces",
    ExportMetricsServiceRequest: "/v1/metrics",
    ExportLogsServiceRequest: "/v1/logs",
}


_FIELDS = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
    str: "string_value",
}


def any_value(value):
    """A Python value as OTLP's AnyValue, types kept."""
    if value is None:
        return AnyValue()
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    return AnyValue(**{_FIELDS[type(value)]: value})


def key_values(attributes):
    """A dict as OTLP's list of attributes."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def log(body="", *, event="", attributes=None, at=None, trace_id=b"", span_id=b"", **fields):
    """A log record, an event when it has a name."""
    return LogRecord(
        time_unix_nano=time.time_ns() if at is None else at,
        event_name=event,
        body=any_value(body),
        attributes=key_values(attributes or {}),
        trace_id=trace_id,
        span_id=span_id,
        **fields,
    )


def prediction(prediction_id, body='{"features":{}}', **attributes):
    """An `ml.prediction` event of a model `m`, version `v1`."""
    at = attributes.pop("at", None)
    names = {"ml.model.name": "m", "ml.model.version": "v1", "ml.task": "binary", "ml.prediction.label": "yes"}
    given = {name.replace("__", "."): value for name, value in attributes.items()}
    ids = {} if prediction_id is None else {"ml.prediction.id": prediction_id}
    return log(body, event="ml.prediction", at=at, attributes=names | ids | given)


def label(prediction_id, value, observed_at, **attributes):
    """An `ml.label` event."""
    at = attributes.pop("at", None)
    given = {name.replace("__", "."): value for name, value in attributes.items()}
    fixed = {"ml.prediction.id": prediction_id, "ml.label.value": value, "ml.label.observed_at": observed_at}
    return log("", event="ml.label", at=at, attributes=fixed | given)


def span(number, name="op", *, start=None, duration=1_000_000, kind=Span.SPAN_KIND_SERVER, **fields):
    """A span whose ids follow from a number."""
    start = time.time_ns() if start is None else start
    attributes = fields.pop("attributes", {})
    return Span(
        trace_id=(number + 1).to_bytes(16, "big"),
        span_id=(number + 1).to_bytes(8, "big"),
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=fields.pop("end", start + duration),
        attributes=key_values(attributes),
        **fields,
    )


def logs(*records, resource=None, scope=None):
    """One export of log records."""
    group = ScopeLogs(scope=_scope(scope), log_records=records)
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=_resource(resource), scope_logs=[group])])


def spans(*records, resource=None, scope=None):
    """One export of spans."""
    group = ScopeSpans(scope=_scope(scope), spans=records)
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=_resource(resource), scope_spans=[group])])


def metrics(*records: Metric, resource=None, scope=None):
    """One export of metrics."""
    group = ScopeMetrics(scope=_scope(scope), metrics=records)
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=_resource(resource), scope_metrics=[group])]
    )


def send(base_url: str, message: Message, timeout: float = 30):
    """Post a message; returns only when the Collector has it in its queue."""
    request = urllib.request.Request(
        base_url + _PATHS[type(message)], message.SerializeToString(), {"Content-Type": "application/x-protobuf"}
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        assert answer.status == 200
        return answer.read()


def _resource(attributes):
    return Resource(attributes=key_values({"service.name": "tests"} | (attributes or {})))


def _scope(attributes):
    return InstrumentationScope(name="tests", attributes=key_values(attributes or {}))
