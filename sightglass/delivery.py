"""Exporters that remember whether what they were given has arrived."""

import threading
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sightglass import attributes
from sightglass.tallies import Tally

_QUEUE_DROPS = frozenset({"otel.sdk.processor.span.processed", "otel.sdk.processor.log.processed"})


class LossRecord:
    """What was lost since the last flush: `flush()` tells its caller, the tally tells the pipeline.

    Args:
        tally: Counts items of failed exports by signal.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.reset()

    def reset(self) -> None:
        """Forget everything, with a new lock: what a forked child needs."""
        self._lock = threading.Lock()
        self._failures = 0
        self._queue_drops = 0
        self._told = 0

    def failed(self, signal: str, items: int) -> None:
        """An export of `items` spans, log records or metrics was given up."""
        self._tally.add(((attributes.SIGNAL, signal),), items)
        with self._lock:
            self._failures += items

    def dropped_so_far(self, count: int) -> None:
        """The SDK's own count of items that full queues dropped."""
        with self._lock:
            self._queue_drops = max(self._queue_drops, count)

    def take(self) -> int:
        """Items lost since the last call."""
        with self._lock:
            lost = self._failures + self._queue_drops - self._told
            self._told += lost
            return lost


class WatchedSpanExporter(SpanExporter):
    """A span exporter whose failures are counted."""

    def __init__(self, inner: SpanExporter, losses: LossRecord) -> None:
        self._inner = inner
        self._losses = losses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and count what was given up."""
        result = SpanExportResult.FAILURE
        try:
            result = self._inner.export(spans)
        finally:
            if result is not SpanExportResult.SUCCESS:
                self._losses.failed("spans", len(spans))
        return result

    def shutdown(self) -> None:
        """Close the connection; a retry in progress ends."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Exporters hold nothing back."""
        return self._inner.force_flush(timeout_millis)


class WatchedLogExporter(LogRecordExporter):
    """A log exporter whose failures are counted."""

    def __init__(self, inner: LogRecordExporter, losses: LossRecord) -> None:
        self._inner = inner
        self._losses = losses

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export, and count what was given up."""
        result = LogRecordExportResult.FAILURE
        try:
            result = self._inner.export(batch)
        finally:
            if result is not LogRecordExportResult.SUCCESS:
                self._losses.failed("logs", len(batch))
        return result

    def shutdown(self) -> None:
        """Close the connection; a retry in progress ends."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]  # the SDK left it untyped

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Exporters hold nothing back."""
        return self._inner.force_flush(timeout_millis)


class WatchedMetricExporter(MetricExporter):
    """A metric exporter whose failures are counted, and which reads the SDK's count of queue drops as it passes."""

    def __init__(self, inner: MetricExporter, losses: LossRecord) -> None:
        super().__init__(inner._preferred_temporality, inner._preferred_aggregation)  # noqa: SLF001  # no public way
        self._inner = inner
        self._losses = losses

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export, and count what was given up; cumulative points come again, so only a flush cares."""
        self._losses.dropped_so_far(_queue_drops(metrics_data))
        result = MetricExportResult.FAILURE
        try:
            result = self._inner.export(metrics_data, timeout_millis, **kwargs)
        finally:
            if result is not MetricExportResult.SUCCESS:
                self._losses.failed("metrics", 1)
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close the connection; a retry in progress ends."""
        self._inner.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Exporters hold nothing back."""
        return self._inner.force_flush(timeout_millis)


def _queue_drops(metrics_data: MetricsData) -> int:
    return sum(
        int(getattr(point, "value", 0))
        for resource in metrics_data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name in _QUEUE_DROPS
        for point in metric.data.data_points
        if "error.type" in (point.attributes or {})
    )
