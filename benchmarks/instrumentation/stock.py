"""What a service owner writes without us: the SDK's providers, its batching, its exporters, and the event by hand."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from time import time_ns
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.instrumentation.arms import PREDICTION_EVENT
from benchmarks.instrumentation.models import Outcome, ServedModel

_FLUSH_MILLISECONDS = 60_000


class StockTelemetry:
    """Global providers that export OTLP as the OTEL_* variables say.

    Args:
        service_name: The resource's `service.name`.
    """

    def __init__(self, service_name: str) -> None:
        resource = Resource.create({"service.name": service_name})
        self._traces = TracerProvider(resource=resource)
        self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
        self._logs = LoggerProvider(resource)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        trace.set_tracer_provider(self._traces)
        metrics.set_meter_provider(self._metrics)
        self._logger = self._logs.get_logger("bench")

    def flush(self) -> bool:
        """Deliver everything."""
        flushed = [provider.force_flush(_FLUSH_MILLISECONDS) for provider in (self._traces, self._logs, self._metrics)]
        return all(flushed)

    def emit(
        self, model: ServedModel, features: Mapping[str, Any], outcome: Outcome, entity_id: str, seconds: float
    ) -> str:
        """Emit the event that `record_prediction` emits, with none of its checks; return the prediction's id."""
        identifier = str(uuid.uuid4())
        self._logger.emit(
            timestamp=time_ns(),
            severity_number=SeverityNumber.INFO,
            event_name=PREDICTION_EVENT,
            body=json.dumps({"features": features, "scores": outcome.scores}, separators=(",", ":")),
            attributes={
                "ml.prediction.id": identifier,
                "ml.model.name": model.name,
                "ml.model.version": model.version,
                "ml.task": "binary",
                "ml.variant": "champion",
                "ml.features.source": "store",
                "ml.prediction.score": outcome.score,
                "ml.prediction.label": outcome.label,
                "ml.prediction.positive": outcome.positive,
                "ml.prediction.duration": seconds,
                "ml.entity.id": hmac.new(b"salt", entity_id.encode(), hashlib.sha256).hexdigest()[:32],
            },
        )
        return identifier
