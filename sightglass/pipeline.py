"""From an ended span or an emitted record to the receiver: one processor per signal, with its queue and its sender."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from sightglass.delivery import Connection, Delivery, StockLogExporter, StockSpanExporter
from sightglass.export_queue import ExportQueue
from sightglass.exporters import Exporters
from sightglass.losses import LossRecord, Signal
from sightglass.lossless import LosslessQueue
from sightglass.processors import Queue, QueueLogProcessor, QueueSpanProcessor
from sightglass.sinks import Sink

_QUEUE_SIZE: Final = 16_384
_BATCH_SIZE: Final = 512
_DELAY_MILLISECONDS: Final = 1_000.0
_PREFIXES: Final[dict[Signal, str]] = {"spans": "OTEL_BSP", "logs": "OTEL_BLRP"}
_METRICS: Final[dict[Signal, tuple[str, str]]] = {"spans": ("span", "{span}"), "logs": ("log", "{log_record}")}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How records of this process are held and sent.

    Args:
        losses: Where is counted what got lost.
        lossless: Wait when a queue is full and send again until it arrives, instead of dropping.
        stock: Use the SDK's own batch processors.
    """

    losses: LossRecord
    lossless: bool
    stock: bool

    def connect(self, exporters: Exporters, signal: Signal) -> "Line | None":
        """The way of one signal; None when it is not sent."""
        make: Callable[[], Sink | None] = exporters.spans if signal == "spans" else exporters.logs
        sink = make()
        if sink is None:
            return None
        connection: Connection[Sink] = Connection(sink, make)
        delivery = Delivery(connection, signal, self.losses, again=self.lossless)
        return Line(signal, connection, delivery, None if self.stock else self._queue(delivery, signal))

    def _queue(self, delivery: Delivery, signal: Signal) -> Queue:
        if self.lossless:
            return LosslessQueue(delivery.send)
        prefix = _PREFIXES[signal]
        return ExportQueue(
            delivery.send,
            lambda reason: self.losses.dropped(signal, reason),
            capacity=_whole(f"{prefix}_MAX_QUEUE_SIZE", _QUEUE_SIZE),
            batch=_whole(f"{prefix}_MAX_EXPORT_BATCH_SIZE", _BATCH_SIZE),
            linger_seconds=float(os.environ.get(f"{prefix}_SCHEDULE_DELAY") or _DELAY_MILLISECONDS) / 1_000,
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

    def span_processor(self, meter_provider: MeterProvider) -> SpanProcessor:
        """The processor for spans."""
        if self.queue is not None:
            return QueueSpanProcessor(self.delivery, self.queue)
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
        if not isinstance(queue, ExportQueue):
            return
        noun, unit = _METRICS[self.signal]
        component = f"batching_{noun}_processor"
        labels = {"otel.component.name": f"{component}/0", "otel.component.type": component}

        def size(_options: CallbackOptions) -> list[Observation]:
            return [Observation(len(queue), labels)]

        def capacity(_options: CallbackOptions) -> list[Observation]:
            return [Observation(queue.capacity, labels)]

        name = f"otel.sdk.processor.{noun}.queue"
        meter.create_observable_up_down_counter(f"{name}.size", callbacks=[size], unit=unit)
        meter.create_observable_up_down_counter(f"{name}.capacity", callbacks=[capacity], unit=unit)


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
        options["max_queue_size"] = _QUEUE_SIZE
    elif not os.environ.get(f"{prefix}_MAX_EXPORT_BATCH_SIZE"):
        # The SDK refuses batches larger than the queue, and so its own default.
        options["max_export_batch_size"] = min(_BATCH_SIZE, int(size))
    if not os.environ.get(f"{prefix}_SCHEDULE_DELAY"):
        options["schedule_delay_millis"] = _DELAY_MILLISECONDS
    return options
