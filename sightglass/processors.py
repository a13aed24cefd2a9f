"""Span and log processors: stock batching, lossless queues, the replay mark."""

import os
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from sightglass import attributes
from sightglass.lossless import LosslessLogProcessor, LosslessSpanProcessor

_QUEUE_SIZE: Final = 16_384
_DELAY_MILLISECONDS: Final = 1_000.0


def _unless_set(variable: str, value: float) -> float | None:
    """`value`, or None where the environment says otherwise, which the SDK reads itself."""
    return None if os.environ.get(variable) else value


def span_processor(exporter: SpanExporter, meter_provider: MeterProvider, *, lossless: bool) -> SpanProcessor:
    """The processor that hands spans to `exporter`."""
    if lossless:
        return LosslessSpanProcessor(exporter)
    queue_size = _unless_set("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE_SIZE)
    return BatchSpanProcessor(
        exporter,
        max_queue_size=None if queue_size is None else int(queue_size),
        schedule_delay_millis=_unless_set("OTEL_BSP_SCHEDULE_DELAY", _DELAY_MILLISECONDS),
        meter_provider=meter_provider,
    )


def log_processor(exporter: LogRecordExporter, meter_provider: MeterProvider, *, lossless: bool) -> LogRecordProcessor:
    """The processor that hands log records and events to `exporter`."""
    if lossless:
        return LosslessLogProcessor(exporter)
    queue_size = _unless_set("OTEL_BLRP_MAX_QUEUE_SIZE", _QUEUE_SIZE)
    return BatchLogRecordProcessor(
        exporter,
        max_queue_size=None if queue_size is None else int(queue_size),
        schedule_delay_millis=_unless_set("OTEL_BLRP_SCHEDULE_DELAY", _DELAY_MILLISECONDS),
        meter_provider=meter_provider,
    )


class ReplaySpanProcessor(SpanProcessor):
    """Marks every span as replayed."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # interface
        """Mark one span."""
        span.set_attribute(attributes.REPLAYED, value=True)


class ReplayLogProcessor(LogRecordProcessor):
    """Marks every event as replayed; an ordinary log line of the same process is of now."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Mark one event."""
        record = log_record.log_record
        if record.event_name and record.attributes is not None:
            record.attributes[attributes.REPLAYED] = True  # type: ignore[index]  # mutable until it is exported

    def shutdown(self) -> None:
        """Nothing to stop."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  # interface
        """Nothing is held back."""
        return True
