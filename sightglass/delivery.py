"""Exporters that know whether what they were given has arrived."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sightglass import attributes
from sightglass.tallies import Tally

_QUEUE_DROPS: Final = frozenset({attributes.SDK_SPANS_PROCESSED_METRIC, attributes.SDK_LOGS_PROCESSED_METRIC})

Inner = TypeVar("Inner")


class LossRecord:
    """What was lost since the last flush: `flush()` tells its caller, the tally tells the pipeline.

    The SDK's own count, `otel.sdk.exporter.*.exported`, takes a batch refused with an HTTP status for a delivered one.

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
        self.metrics_arrived = True

    def failed(self, signal: str, items: int) -> None:
        """An export of `items` spans or log records was given up."""
        self._tally.add(((attributes.SIGNAL, signal),), items)
        with self._lock:
            self._failures += items

    def collected(self, *, arrived: bool) -> None:
        """An export of metrics ended. Cumulative counts come again: only the last export matters."""
        if not arrived:
            self._tally.add(((attributes.SIGNAL, "metrics"),))
        self.metrics_arrived = arrived

    def dropped_so_far(self, count: int) -> None:
        """The SDK's own count of items that its processors dropped."""
        with self._lock:
            self._queue_drops = max(self._queue_drops, count)

    def take(self) -> int:
        """Spans and log records lost since the last call."""
        with self._lock:
            lost = self._failures + self._queue_drops - self._told
            self._told += lost
            return lost


class Connection(Generic[Inner]):
    """One exporter, made anew in a forked child, where parent and child would talk over the same socket.

    Args:
        exporter: The exporter of this process.
        make: Makes another one like it.
    """

    def __init__(self, exporter: Inner, make: Callable[[], Inner | None]) -> None:
        self._make = make
        self.exporter = exporter
        self._left_to_parent: list[Inner] = []

    def renew(self) -> None:
        """Replace the exporter; the old one is kept, for closing it could close the parent's connection."""
        self._left_to_parent.append(self.exporter)
        self.exporter = self._make() or self.exporter


class WatchedSpanExporter(SpanExporter):
    """A span exporter whose failures are counted.

    Args:
        connection: Holds the exporter that does the work.
        losses: Where failures are counted; None when the caller tries again until it succeeds.
    """

    def __init__(self, connection: Connection[SpanExporter], losses: LossRecord | None) -> None:
        self.connection = connection
        self._losses = losses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and count what was given up."""
        result = SpanExportResult.FAILURE
        try:
            result = self.connection.exporter.export(spans)
        finally:
            if result is not SpanExportResult.SUCCESS and self._losses is not None:
                self._losses.failed("spans", len(spans))
        return result

    def shutdown(self) -> None:
        """Close the connection; a retry in progress ends."""
        self.connection.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Exporters hold nothing back."""
        return self.connection.exporter.force_flush(timeout_millis)


class WatchedLogExporter(LogRecordExporter):
    """A log exporter whose failures are counted.

    Args:
        connection: Holds the exporter that does the work.
        losses: Where failures are counted; None when the caller tries again until it succeeds.
    """

    def __init__(self, connection: Connection[LogRecordExporter], losses: LossRecord | None) -> None:
        self.connection = connection
        self._losses = losses

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export, and count what was given up."""
        result = LogRecordExportResult.FAILURE
        try:
            result = self.connection.exporter.export(batch)
        finally:
            if result is not LogRecordExportResult.SUCCESS and self._losses is not None:
                self._losses.failed("logs", len(batch))
        return result

    def shutdown(self) -> None:
        """Close the connection; a retry in progress ends."""
        self.connection.exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK left it untyped

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Exporters hold nothing back."""
        return self.connection.exporter.force_flush(timeout_millis)


class WatchedMetricExporter(MetricExporter):
    """A metric exporter whose failures are counted, and which reads the SDK's count of drops as it passes.

    Args:
        connection: Holds the exporter that does the work.
        losses: Where failures are counted.
    """

    def __init__(self, connection: Connection[MetricExporter], losses: LossRecord) -> None:
        inner = connection.exporter
        super().__init__(inner._preferred_temporality, inner._preferred_aggregation)  # noqa: SLF001  # no public way
        self.connection = connection
        self._losses = losses

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export, and note whether it arrived."""
        self._losses.dropped_so_far(_drops(metrics_data))
        result = MetricExportResult.FAILURE
        try:
            result = self.connection.exporter.export(metrics_data, timeout_millis, **kwargs)
        finally:
            self._losses.collected(arrived=result is MetricExportResult.SUCCESS)
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Close the connection; a retry in progress ends."""
        self.connection.exporter.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Exporters hold nothing back."""
        return self.connection.exporter.force_flush(timeout_millis)


def _drops(metrics_data: MetricsData) -> int:
    return sum(
        int(getattr(point, "value", 0))
        for resource in metrics_data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name in _QUEUE_DROPS
        for point in metric.data.data_points
        if "error.type" in (point.attributes or {})
    )
