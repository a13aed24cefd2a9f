"""Span and log processors: what ended is prepared and queued; and the replay mark."""

from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs._internal import SynchronousMultiLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, SynchronousMultiSpanProcessor

from sightglass import attributes
from sightglass.export.delivery import Delivery
from sightglass.faults import report_fault
from sightglass.tallies import CutSpans

_FLUSH_MILLISECONDS = 30_000


class Queue(Protocol):
    """What holds prepared records until they are sent."""

    def put(self, item: Any) -> object:
        """Hand over one record."""

    def flush(self, timeout_seconds: float) -> bool:
        """Whether everything put before this call was handed to the exporter."""

    def close(self) -> None:
        """Stop."""


class QueueSpanProcessor(SpanProcessor):
    """Prepares and queues every sampled span that ends.

    Args:
        delivery: Prepares it.
        queue: Holds it.
        cut_spans: Counts those that lost a part of a value.
    """

    def __init__(self, delivery: Delivery, queue: Queue, cut_spans: CutSpans) -> None:
        self._delivery = delivery
        self._queue = queue
        self._cut_spans = cut_spans

    def on_end(self, span: ReadableSpan) -> None:
        """Queue one span."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        try:
            prepared = self._delivery.prepare(span)
            self._queue.put(prepared)
            # What is shorter as a whole holds no value that was cut.
            if type(prepared) is not tuple or len(prepared[-1]) > self._cut_spans.longest:
                self._cut_spans.look_at(span)
        except Exception:
            report_fault("the end of a span")

    def shutdown(self) -> None:
        """Stop; flush before, for what is queued may be given up."""
        self._queue.close()
        self._delivery.close()

    def force_flush(self, timeout_millis: int = _FLUSH_MILLISECONDS) -> bool:
        """Whether all spans ended before this call were handed to the exporter."""
        return self._queue.flush(timeout_millis / 1_000)


class QueueLogProcessor(LogRecordProcessor):
    """Prepares and queues every log record."""

    def __init__(self, delivery: Delivery, queue: Queue) -> None:
        self._delivery = delivery
        self._queue = queue

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue one log record."""
        # The context can hold a whole request; the ids were taken from it already.
        log_record.log_record.context = Context()
        readable = ReadableLogRecord(
            log_record=log_record.log_record,
            resource=log_record.resource or Resource.get_empty(),
            instrumentation_scope=log_record.instrumentation_scope,
            limits=log_record.limits,
        )
        try:
            self._queue.put(self._delivery.prepare(readable))
        except Exception:
            report_fault("the emission of a log record")

    def shutdown(self) -> None:
        """Stop; flush before, for what is queued may be given up."""
        self._queue.close()
        self._delivery.close()

    def force_flush(self, timeout_millis: int = _FLUSH_MILLISECONDS) -> bool:
        """Whether all records emitted before this call were handed to the exporter."""
        return self._queue.flush(timeout_millis / 1_000)


class ExportingSpans(SynchronousMultiSpanProcessor):
    """A provider's processors; the exporting one comes last, for it takes a copy: what others change must be in it.

    Attributes:
        alone: Whether none but ours are there, which do not look at a span that starts.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # left untyped there
        self._last: SpanProcessor | None = None
        self.alone = True

    def start_with(self, processor: SpanProcessor) -> None:
        """Add one of ours."""
        super().add_span_processor(processor)

    def export_with(self, processor: SpanProcessor) -> None:
        """Make `processor` the last one, now and when others are added."""
        self._last = processor
        super().add_span_processor(processor)

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor of somebody else's, before the exporting one."""
        self.alone = False
        super().add_span_processor(span_processor)
        with self._lock:
            self._span_processors = tuple(sorted(self._span_processors, key=lambda processor: processor is self._last))


class ExportingLogs(SynchronousMultiLogRecordProcessor):
    """A provider's processors; the exporting one comes last, for it takes a copy: what others change must be in it.

    Attributes:
        alone: Whether nobody but the exporting processor sees records, so that none need be made for it.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # left untyped there
        self._last: LogRecordProcessor | None = None
        self.alone = False

    def export_with(self, processor: LogRecordProcessor) -> None:
        """Make `processor` the last one, now and when others are added."""
        self._last = processor
        self.add_log_record_processor(processor)

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Add a processor, before the exporting one."""
        super().add_log_record_processor(log_record_processor)
        with self._lock:
            self._log_record_processors = tuple(
                sorted(self._log_record_processors, key=lambda processor: processor is self._last)
            )
            self.alone = self._log_record_processors == (self._last,)


class ReplaySpanProcessor(SpanProcessor):
    """Marks every span as replayed."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # interface
        """Mark one span."""
        span.set_attribute(attributes.REPLAYED, value=True)
