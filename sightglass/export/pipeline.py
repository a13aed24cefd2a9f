"""From an ended span or an emitted record to the receiver: one processor per signal, with its queue and its sender."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sightglass.environment import QUEUE_SIZE
from sightglass.export.delivery import Connection, Delivery, StockLogExporter, StockSpanExporter
from sightglass.export.export_queue import ExportQueue
from sightglass.export.exporters import Exporters
from sightglass.export.losses import LossRecord, Signal
from sightglass.export.lossless import LosslessQueue
from sightglass.export.processors import Queue, QueueLogProcessor, QueueSpanProcessor
from sightglass.export.sinks import Sink
from sightglass.settings import SPOOL_DIR_VARIABLE, SPOOL_MAX_BYTES
from sightglass.spool.queue import Export, SpoolQueue
from sightglass.tallies import CutSpans

_BATCH_SIZE: Final = 512
_DELAY_MILLISECONDS: Final = 1_000.0
_logger = logging.getLogger(__name__)
_PREFIXES: Final[dict[Signal, str]] = {"spans": "OTEL_BSP", "logs": "OTEL_BLRP"}
_METRICS: Final[dict[Signal, tuple[str, str]]] = {"spans": ("span", "{span}"), "logs": ("log", "{log_record}")}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How records of this process are held and sent.

    Args:
        losses: Where is counted what got lost.
        lossless: Wait when a queue is full and send again until it arrives, instead of dropping.
        stock: Use the SDK's own batch processors.
        spool_dir: Where log records wait on disk; None keeps them in memory.
        spool_max_bytes: What may wait there for this process.
    """

    losses: LossRecord
    lossless: bool
    stock: bool
    spool_dir: Path | None = None
    spool_max_bytes: int = SPOOL_MAX_BYTES

    def connect(self, exporters: Exporters, signal: Signal) -> "Line | None":
        """The way of one signal; None when it is not sent."""
        make: Callable[[], Sink | None] = exporters.spans if signal == "spans" else exporters.logs
        sink = make()
        if sink is None:
            return None
        connection: Connection[Sink] = Connection(sink, make)
        delivery = Delivery(connection, signal, self.losses, again=lambda _: self.lossless)
        return Line(signal, connection, delivery, self._queue(connection, delivery, signal))

    def _why_no_spool(self, sink: Sink) -> str:
        if self.stock:
            return "with stock=True the SDK holds what waits"
        if self.lossless:
            return "with lossless=True a full queue makes its caller wait, and nothing is dropped"
        return "" if sink.encodes else "this exporter takes objects, which can't lie on a disk"

    def _queue(self, connection: Connection[Sink], delivery: Delivery, signal: Signal) -> Queue | None:
        if self.spool_dir is not None and signal == "logs":
            if not (why := self._why_no_spool(connection.exporter)):
                return self._on_disk(connection, delivery, self.spool_dir, signal)
            _logger.warning("%s=%s is not used: %s.", SPOOL_DIR_VARIABLE, self.spool_dir, why)
        if self.stock:
            return None
        return LosslessQueue(delivery.send) if self.lossless else self._in_memory(delivery.send, signal)

    def _on_disk(self, connection: Connection[Sink], delivery: Delivery, home: Path, signal: Signal) -> SpoolQueue:
        return SpoolQueue(
            Delivery(connection, signal, self.losses, again=lambda outcome: not outcome.refused),
            self.losses,
            home,
            in_memory=lambda export: self._in_memory(export, signal),
            export=delivery.send,
            max_bytes=self.spool_max_bytes,
            batch=_batch(signal),
            linger_seconds=_linger_seconds(signal),
        )

    def _in_memory(self, export: Export, signal: Signal) -> ExportQueue[Any]:
        return ExportQueue(
            export,
            lambda reason: self.losses.dropped(signal, reason),
            capacity=_whole(f"{_PREFIXES[signal]}_MAX_QUEUE_SIZE", QUEUE_SIZE),
            batch=_batch(signal),
            linger_seconds=_linger_seconds(signal),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """The way of one signal.

    Args:
        signal: Which.
        connection: Holds the sink.
        delivery: Sends batches.
        queue: Holds what waits; None where the SDK's own processor does.
    """

    signal: Signal
    connection: Connection[Sink]
    delivery: Delivery
    queue: Queue | None

    def span_processor(self, meter_provider: MeterProvider, cut_spans: CutSpans) -> SpanProcessor:
        """The processor for spans."""
        if self.queue is not None:
            return QueueSpanProcessor(self.delivery, self.queue, cut_spans)
        return BatchSpanProcessor(
            StockSpanExporter(self.delivery), **_stock_options(self.signal), meter_provider=meter_provider
        )

    def log_processor(self, meter_provider: MeterProvider) -> LogRecordProcessor:
        """The processor for log records."""
        if self.queue is not None:
            return QueueLogProcessor(self.delivery, self.queue)
        return BatchLogRecordProcessor(
            StockLogExporter(self.delivery), **_stock_options(self.signal), meter_provider=meter_provider
        )

    def report_queue(self, meter: Meter) -> None:
        """Report how full the queue is, under the SDK's names."""
        queue = self.queue
        if not isinstance(queue, ExportQueue | SpoolQueue):
            return
        noun, unit = _METRICS[self.signal]
        component = f"batching_{noun}_processor"
        labels = {"otel.component.name": f"{component}/0", "otel.component.type": component}

        def size(_options: CallbackOptions) -> list[Observation]:
            return [Observation(len(queue), labels)]

        name = f"otel.sdk.processor.{noun}.queue"
        meter.create_observable_up_down_counter(f"{name}.size", callbacks=[size], unit=unit)
        if isinstance(queue, SpoolQueue):
            queue.report(meter)
            return
        bound = queue.capacity

        def capacity(_options: CallbackOptions) -> list[Observation]:
            return [Observation(bound, labels)]

        meter.create_observable_up_down_counter(f"{name}.capacity", callbacks=[capacity], unit=unit)


def _batch(signal: Signal) -> int:
    return _whole(f"{_PREFIXES[signal]}_MAX_EXPORT_BATCH_SIZE", _BATCH_SIZE)


def _linger_seconds(signal: Signal) -> float:
    return float(os.environ.get(f"{_PREFIXES[signal]}_SCHEDULE_DELAY") or _DELAY_MILLISECONDS) / 1_000


def _whole(variable: str, default: int) -> int:
    number = int(os.environ.get(variable) or default)
    if number < 1:
        raise ValueError(f"{variable} must be at least 1 but is {number}")
    return number


def _stock_options(signal: Signal) -> dict[str, Any]:
    """Our defaults, where the environment does not say otherwise, which the SDK reads itself."""
    prefix = _PREFIXES[signal]
    options: dict[str, Any] = {}
    size = os.environ.get(f"{prefix}_MAX_QUEUE_SIZE")
    if not size:
        options["max_queue_size"] = QUEUE_SIZE
    elif not os.environ.get(f"{prefix}_MAX_EXPORT_BATCH_SIZE"):
        # The SDK refuses batches larger than the queue, and so its own default.
        options["max_export_batch_size"] = min(_BATCH_SIZE, int(size))
    if not os.environ.get(f"{prefix}_SCHEDULE_DELAY"):
        options["schedule_delay_millis"] = _DELAY_MILLISECONDS
    return options
