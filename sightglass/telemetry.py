"""The telemetry of one process: its providers, and what happens to them at flush, fork and exit."""

import atexit
import functools
import logging
import math
import os
import threading
import time
from types import TracebackType
from typing import Any, Final, Self

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from sightglass.events import Events
from sightglass.export.attempts import Attempts
from sightglass.export.collection import Collection, metric_interval_seconds
from sightglass.export.delivery import Connection, WatchedMetricExporter
from sightglass.export.exporters import Exporters
from sightglass.export.flusher import Flusher
from sightglass.export.losses import LossRecord
from sightglass.export.pipeline import Line, Pipeline
from sightglass.export.processors import ExportingLogs, ExportingSpans, ReplaySpanProcessor
from sightglass.forking import at_end_of_worker, call_in_forked_child
from sightglass.instruments import Instruments
from sightglass.predictions.feature_names import FeatureNames
from sightglass.predictions.identifiers import EntityHash
from sightglass.predictions.identity import Identities
from sightglass.predictions.model import Model, checked_model
from sightglass.predictions.model_metrics import ModelMetrics
from sightglass.resource import build_resource, library_version
from sightglass.settings import Settings
from sightglass.tallies import CutSpans, SpanTally, Tallies

SCOPE: Final = "sightglass"
_LONGEST_VALUE: Final = 8_192
_SDK_METRICS: Final = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"
_EXIT_SECONDS: Final = 5.0
_logger = logging.getLogger(__name__)
_CLOSE_SECONDS: Final = 0.5


class Telemetry:
    """Traces, metrics, logs and events of this process on their way to one place.

    Args:
        service_name: The resource's `service.name`.
        exporters: Where telemetry goes.
        model: The model that predictions are of, unless they say otherwise.
        service_version: The resource's `service.version`.
        settings: The library's own settings.
        lossless: Block when a queue is full and retry until delivered, instead of dropping.
        replayed: Mark every span and event as one with a past timestamp.
        stock: Use the SDK's own batch processors and log records, as `instrument(..., stock=True)` asks.
    """

    def __init__(
        self,
        service_name: str,
        *,
        exporters: Exporters,
        model: Model | None = None,
        service_version: str | None = None,
        settings: Settings | None = None,
        lossless: bool = False,
        replayed: bool = False,
        stock: bool = False,
    ) -> None:
        if stock:
            # The SDK reads this one from the environment only. Without it, what it drops is dropped silently.
            os.environ.setdefault(_SDK_METRICS, "true")
        self.service_name = service_name
        self.model = checked_model(model)
        self.settings = settings or Settings()
        self.lossless = lossless
        self.replayed = replayed
        self.stock = stock
        self.tallies = Tallies(replayed=replayed)
        self.instruments = Instruments()
        self._losses = LossRecord(self.tallies)
        self._closed = False
        self.fixed_buckets = True
        resource = build_resource(service_name, service_version)
        self._connections: list[Connection[Any]] = []
        self._meter_provider = MeterProvider(self._make_readers(exporters), resource, shutdown_on_exit=False)
        # Its own counts of spans cost more than the spans; they are there for those who ask.
        counting = self._meter_provider if os.environ.get(_SDK_METRICS) else metrics.NoOpMeterProvider()
        span_processors, log_processors = ExportingSpans(), ExportingLogs()
        limits = _span_limits()
        self._tracer_provider = TracerProvider(
            resource=resource,
            shutdown_on_exit=False,
            active_span_processor=span_processors,
            span_limits=limits,
            meter_provider=counting,
        )
        self._logger_provider = LoggerProvider(
            resource, shutdown_on_exit=False, multi_log_record_processor=log_processors, meter_provider=counting
        )
        self.span_processors = span_processors
        self.tracer = self._tracer_provider.get_tracer(SCOPE, library_version())
        self.meter = self._meter_provider.get_meter(SCOPE, library_version())
        cut_spans = CutSpans(self.tallies.cut_spans, limits.max_span_attribute_length)
        line = self._connect(exporters, span_processors, log_processors, cut_spans)
        logger = self._logger_provider.get_logger(SCOPE, library_version())
        self.events = Events(logger, log_processors, line, replayed=replayed)
        scope = InstrumentationScope(SCOPE, library_version())
        self.identities = Identities(ModelMetrics(self.instruments, scope, replayed=replayed))
        self.feature_names = FeatureNames(self.settings)
        self.entity_hash = EntityHash(self.settings.entity_salt)
        self.tallies.register(self.meter)
        self._collection = Collection(self._meter_provider, self.tallies, metric_interval_seconds())
        self._flusher = Flusher(self._deliver)
        call_in_forked_child(self._after_fork)

    def _make_readers(self, exporters: Exporters) -> list[PeriodicExportingMetricReader]:
        attempts = Attempts("metrics")
        exporter = exporters.metrics(attempts)
        if exporter is None:
            return []
        connection: Connection[MetricExporter] = Connection(exporter, lambda: exporters.metrics(attempts))
        self._connections.append(connection)
        watched = WatchedMetricExporter(connection, attempts, self._losses, self.instruments)
        self.fixed_buckets = watched.fixed_buckets
        # Never by itself: `Collection` has the clock.
        return [PeriodicExportingMetricReader(watched, math.inf)]

    def _connect(
        self,
        exporters: Exporters,
        span_processors: ExportingSpans,
        log_processors: ExportingLogs,
        cut_spans: CutSpans,
    ) -> Line | None:
        """Lead spans and log records to their exporters; return the way of the latter."""
        pipeline = Pipeline(
            self._losses,
            lossless=self.lossless,
            stock=self.stock,
            spool_dir=self.settings.spool_dir,
            spool_max_bytes=self.settings.spool_max_bytes,
        )
        if self.replayed:
            span_processors.add_span_processor(ReplaySpanProcessor())
        span_processors.start_with(SpanTally(self.tallies.spans))
        spans, logs = pipeline.connect(exporters, "spans"), pipeline.connect(exporters, "logs")
        if spans is not None:
            span_processors.export_with(spans.span_processor(self._meter_provider, cut_spans))
        if logs is not None:
            log_processors.export_with(logs.log_processor(self._meter_provider))
        for line in (spans, logs):
            if line is not None:
                self._connections.append(line.connection)
                line.report_queue(self.meter)
        return logs

    @property
    def tracer_provider(self) -> TracerProvider:
        """For instrumentations that take a provider."""
        return self._tracer_provider

    @property
    def meter_provider(self) -> MeterProvider:
        """For instrumentations that take a provider."""
        return self._meter_provider

    @property
    def logger_provider(self) -> LoggerProvider:
        """For instrumentations that take a provider."""
        return self._logger_provider

    def install(self) -> None:
        """Make these the process's global providers, where none has been set; flush and stop when it exits."""
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self._tracer_provider)
        if not isinstance(metrics.get_meter_provider(), MeterProvider):
            metrics.set_meter_provider(self._meter_provider)
        if not isinstance(_logs.get_logger_provider(), LoggerProvider):
            _logs.set_logger_provider(self._logger_provider)
        atexit.register(self.shutdown)
        # A process of `multiprocessing` ends without what is registered so.
        at_end_of_worker(self.shutdown)

    def flush(self, timeout_seconds: float = 10.0) -> bool:
        """Deliver everything handed over so far.

        Returns:
            True only when all of it was accepted by the receiver and nothing has been lost since the last flush.
        """
        if self._closed:
            return False
        deadline = time.monotonic() + timeout_seconds
        delivered = self._flusher.flush(timeout_seconds)
        while self.lossless and not delivered and (rest := deadline - time.monotonic()) > 0:
            delivered = self._flusher.flush(rest)
        if delivered is None:
            return False
        # Taken only by a flush that ended in time: one that did not leaves the answer to the next.
        return self._losses.take() == 0 and delivered

    def shutdown(self, timeout_seconds: float = _EXIT_SECONDS) -> bool:
        """Flush, then stop; safe to call twice.

        Returns:
            What the flush returned.
        """
        if self._closed:
            return True
        self.tallies.ended = True
        delivered = self.flush(timeout_seconds)
        self._closed = True
        atexit.unregister(self.shutdown)
        self._collection.stop()
        self._flusher.stop()
        self._close()
        _forget(self)
        return delivered

    def _deliver(self) -> bool:
        flushed = [self._tracer_provider.force_flush(), self._logger_provider.force_flush()]
        # Metrics last, so that they tell what became of the rest.
        return self._collection.collect() and all(flushed) and self._losses.metrics_arrived

    def _close(self) -> None:
        """Stop the threads without waiting long: what could be delivered has been delivered."""
        closing = threading.Thread(target=self._close_providers, name="sightglass-close", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # the interpreter is ending, and takes daemon threads with it
            return
        closing.join(_CLOSE_SECONDS)

    def _close_providers(self) -> None:
        self._meter_provider.shutdown()
        self._logger_provider.shutdown()
        self._tracer_provider.shutdown()

    def _after_fork(self) -> None:
        self.tallies.reset()
        self.instruments.reset()
        self._losses.reset()
        for connection in self._connections:
            connection.renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        self.shutdown()


def _span_limits() -> SpanLimits:
    """OpenTelemetry's own limits, and one on the length of a value, where it has none: a header can be of any size."""
    chosen = os.environ.get("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT") or os.environ.get(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
    )
    return SpanLimits() if chosen else SpanLimits(max_span_attribute_length=_LONGEST_VALUE)


_current: Telemetry | None = None


def current() -> Telemetry | None:
    """The telemetry of this process, when it was started."""
    return _current


def adopt(telemetry: Telemetry) -> Telemetry:
    """Make `telemetry` the one that `record_prediction` and `flush` use."""
    global _current  # noqa: PLW0603  # one per process, as OpenTelemetry's own providers
    _current = telemetry
    return telemetry


@functools.cache
def warn_not_running(what: str) -> None:
    """Say once that something was recorded while no telemetry runs."""
    _logger.warning(
        "A %s was recorded while no telemetry runs, before sightglass.start() or instrument() or after its shutdown: "
        "it goes nowhere.",
        what,
    )


def _forget(telemetry: Telemetry) -> None:
    global _current  # noqa: PLW0603  # as above
    if _current is telemetry:
        _current = None
