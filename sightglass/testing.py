"""Telemetry that stays in memory, for tests of services that use this library."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.metrics.export import Metric, MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sightglass.export.attempts import Attempts
from sightglass.export.sinks import ExporterSink, Sink
from sightglass.predictions.model import Model
from sightglass.settings import Settings
from sightglass.telemetry import Telemetry, adopt


class InMemoryMetricExporter(MetricExporter):
    """Keeps the metrics of the latest export."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: dict[str, Metric] = {}

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> MetricExportResult:  # noqa: ARG002  # interface
        """Replace what was kept."""
        self.latest = {
            metric.name: metric
            for resource in metrics_data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        return MetricExportResult.SUCCESS

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002  # interface
        """Nothing is held back."""
        return True


class InMemoryExporters:
    """Exporters that keep what they are given."""

    def __init__(self) -> None:
        self.kept_spans = InMemorySpanExporter()
        self.kept_logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK left it untyped
        self.kept_metrics = InMemoryMetricExporter()

    def metrics(self, attempts: Attempts) -> MetricExporter:  # noqa: ARG002  # interface
        """The exporter for metrics."""
        return self.kept_metrics

    def spans(self) -> Sink:
        """Where spans go."""
        return ExporterSink(self.kept_spans)

    def logs(self) -> Sink:
        """Where log records and events go."""
        return ExporterSink(self.kept_logs)


class InMemoryTelemetry(Telemetry):
    """Telemetry whose spans, events and metrics can be looked at."""

    def __init__(
        self,
        service_name: str = "test",
        *,
        model: Model | None = None,
        settings: Settings | None = None,
        lossless: bool = False,
        replayed: bool = False,
        stock: bool = False,
    ) -> None:
        self._kept = InMemoryExporters()
        super().__init__(
            service_name,
            exporters=self._kept,
            model=model,
            settings=settings,
            lossless=lossless,
            replayed=replayed,
            stock=stock,
        )

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """All spans that ended so far."""
        self.flush()
        return self._kept.kept_spans.get_finished_spans()

    @property
    def records(self) -> tuple[ReadableLogRecord, ...]:
        """All log records and events emitted so far."""
        self.flush()
        return self._kept.kept_logs.get_finished_logs()

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics by name."""
        self.flush()
        return self._kept.kept_metrics.latest


@contextmanager
def in_memory_telemetry(
    service_name: str = "test",
    *,
    model: Model | None = None,
    settings: Settings | None = None,
    lossless: bool = False,
    replayed: bool = False,
    stock: bool = False,
) -> Iterator[InMemoryTelemetry]:
    """Telemetry that `instrument`, `start`, `record_prediction` and `record_label` use until the block ends."""
    with InMemoryTelemetry(
        service_name, model=model, settings=settings, lossless=lossless, replayed=replayed, stock=stock
    ) as telemetry:
        adopt(telemetry)
        yield telemetry
