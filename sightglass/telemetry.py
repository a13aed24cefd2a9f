"""The telemetry of one process: its providers, and what happens to them at flush, fork and exit."""

import atexit
import logging
import os
import threading
import time
import weakref
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Final, Self

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util.types import AnyValue

from sightglass.delivery import LossRecord, WatchedLogExporter, WatchedMetricExporter, WatchedSpanExporter
from sightglass.exporters import Exporters, OtlpExporters
from sightglass.flusher import Flusher
from sightglass.model import Model
from sightglass.processors import log_processor, replay_log_processor, replay_span_processor, span_processor
from sightglass.tallies import SpanTally, Tallies

SCOPE: Final = "sightglass"
_METRIC_INTERVAL_MILLISECONDS: Final = 5_000.0
_EXIT_SECONDS: Final = 5.0
_MILLISECONDS: Final = 1_000

_logger = logging.getLogger(__name__)


def library_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("sightglass-ml")
    except PackageNotFoundError:
        return "0"


class Telemetry:
    """Traces, metrics, logs and events of this process on their way to one place.

    Args:
        service_name: The resource's `service.name`.
        exporters: Where telemetry goes.
        model: The model that predictions are of, unless they say otherwise.
        service_version: The resource's `service.version`.
        lossless: Block when a queue is full and retry until delivered, instead of dropping.
        replayed: Mark every span and event as one with a past timestamp.
    """

    def __init__(
        self,
        service_name: str,
        *,
        exporters: Exporters,
        model: Model | None = None,
        service_version: str | None = None,
        lossless: bool = False,
        replayed: bool = False,
    ) -> None:
        # The SDK reads this one from the environment only. Without it, what it drops is dropped silently.
        os.environ.setdefault("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
        self.service_name = service_name
        self.model = model
        self.lossless = lossless
        self.replayed = replayed
        self.tallies = Tallies(replayed=replayed)
        self._losses = LossRecord(self.tallies.failed_exports)
        self._closed = False
        resource = Resource.create(_resource_attributes(service_name, service_version))

        metric_exporter = exporters.metrics()
        readers = (
            [] if metric_exporter is None else [self._reader(WatchedMetricExporter(metric_exporter, self._losses))]
        )
        self._meter_provider = MeterProvider(readers, resource, shutdown_on_exit=False)
        # A failed attempt of a lossless pipeline is no loss, so its exporters must not count it as one.
        exporter_metrics = metrics.NoOpMeterProvider() if lossless else self._meter_provider

        self._tracer_provider = TracerProvider(
            resource=resource, shutdown_on_exit=False, meter_provider=self._meter_provider
        )
        if replayed:
            self._tracer_provider.add_span_processor(replay_span_processor())
        self._tracer_provider.add_span_processor(SpanTally(self.tallies.spans))
        if (span_exporter := exporters.spans(exporter_metrics)) is not None:
            self._span_exporter = WatchedSpanExporter(span_exporter, self._losses)
            self._tracer_provider.add_span_processor(
                span_processor(self._span_exporter, self._meter_provider, lossless=lossless)
            )

        self._logger_provider = LoggerProvider(resource, shutdown_on_exit=False, meter_provider=self._meter_provider)
        if replayed:
            self._logger_provider.add_log_record_processor(replay_log_processor())
        if (log_exporter := exporters.logs(exporter_metrics)) is not None:
            self._logger_provider.add_log_record_processor(
                log_processor(WatchedLogExporter(log_exporter, self._losses), self._meter_provider, lossless=lossless)
            )

        self.tracer = self._tracer_provider.get_tracer(SCOPE, library_version())
        self.meter = self._meter_provider.get_meter(SCOPE, library_version())
        self.events = self._logger_provider.get_logger(SCOPE, library_version())
        self.tallies.register(self.meter)
        self._flusher = Flusher(self._deliver)
        reference = weakref.WeakMethod(self._after_fork)

        def after_fork() -> None:
            if forget := reference():
                forget()

        os.register_at_fork(after_in_child=after_fork)

    @staticmethod
    def _reader(exporter: WatchedMetricExporter) -> PeriodicExportingMetricReader:
        chosen = os.environ.get("OTEL_METRIC_EXPORT_INTERVAL")
        return PeriodicExportingMetricReader(exporter, None if chosen else _METRIC_INTERVAL_MILLISECONDS)

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
        """Make these the process's global providers, where none has been set."""
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self._tracer_provider)
        if not isinstance(metrics.get_meter_provider(), MeterProvider):
            metrics.set_meter_provider(self._meter_provider)
        if not isinstance(_logs.get_logger_provider(), LoggerProvider):
            _logs.set_logger_provider(self._logger_provider)

    def flush(self, timeout_seconds: float = 10.0) -> bool:
        """Deliver everything handed over so far.

        Returns:
            True only when all of it was accepted by the receiver and nothing has been lost since the last flush.
        """
        if self._closed:
            return False
        return self._flusher.flush(timeout_seconds)

    def shutdown(self, timeout_seconds: float = _EXIT_SECONDS) -> bool:
        """Flush, then stop; safe to call twice.

        Returns:
            What the flush returned.
        """
        if self._closed:
            return True
        deadline = time.monotonic() + timeout_seconds
        delivered = self.flush(timeout_seconds)
        self._closed = True
        self._flusher.stop()
        self._close(max(deadline - time.monotonic(), 0.0) if delivered else 0.0)
        _forget(self)
        return delivered

    def _deliver(self) -> bool:
        flushed = [
            self._tracer_provider.force_flush(),
            self._logger_provider.force_flush(),
            # Metrics last, so that they tell what became of the rest.
            self._meter_provider.force_flush(),
        ]
        return self._losses.take() == 0 and all(flushed)

    def _close(self, timeout_seconds: float) -> None:
        """Stop the threads without waiting long: everything deliverable has been delivered."""
        closing = threading.Thread(target=self._close_providers, name="sightglass-close", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # the interpreter is ending, and takes daemon threads with it
            return
        closing.join(timeout_seconds + 0.5)

    def _close_providers(self) -> None:
        self._meter_provider.shutdown()
        self._logger_provider.shutdown()
        self._tracer_provider.shutdown()

    def _after_fork(self) -> None:
        self.tallies.reset()
        self._losses.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        self.shutdown()


def _resource_attributes(service_name: str, service_version: str | None) -> dict[str, AnyValue]:
    values: dict[str, AnyValue] = {
        "service.name": service_name,
        "telemetry.distro.name": "sightglass",
        "telemetry.distro.version": library_version(),
    }
    if service_version is not None:
        values["service.version"] = service_version
    return values


_lock = threading.Lock()
_current: Telemetry | None = None


def current() -> Telemetry | None:
    """The telemetry of this process, when it was started."""
    return _current


def adopt(telemetry: Telemetry) -> Telemetry:
    """Make `telemetry` the one that `record_prediction` and `flush` use."""
    global _current  # noqa: PLW0603  # one per process, as OpenTelemetry's own providers
    _current = telemetry
    return telemetry


def _forget(telemetry: Telemetry) -> None:
    global _current  # noqa: PLW0603  # as above
    if _current is telemetry:
        _current = None


def start(
    service_name: str,
    *,
    model: Model | None = None,
    lossless: bool = False,
    replayed: bool = False,
    service_version: str | None = None,
) -> Telemetry:
    """Start the telemetry of this process; a second call returns the one that runs.

    Args:
        service_name: Name under which this process is found.
        model: The model that predictions are of, unless they say otherwise.
        lossless: Block when a queue is full and retry until delivered, instead of dropping: for batch jobs.
        replayed: Everything recorded has a past timestamp; it is marked, and left out of ingest lag.
        service_version: Version of the service, when OTEL_RESOURCE_ATTRIBUTES does not say it.
    """
    with _lock:
        running = current()
        if running is not None:
            if running.service_name != service_name:
                _logger.warning(
                    "Telemetry already runs as %s; start(%r) returns it. Shut it down first to change the name.",
                    running.service_name,
                    service_name,
                )
            return running
        telemetry = Telemetry(
            service_name,
            exporters=OtlpExporters(),
            model=model,
            service_version=service_version,
            lossless=lossless,
            replayed=replayed,
        )
        telemetry.install()
        atexit.register(telemetry.shutdown)
        return adopt(telemetry)


def flush(timeout_seconds: float = 10.0) -> bool:
    """Deliver everything recorded so far.

    Returns:
        True only when all of it arrived and nothing has been lost since the last flush; also when none was started.
    """
    telemetry = current()
    return True if telemetry is None else telemetry.flush(timeout_seconds)
