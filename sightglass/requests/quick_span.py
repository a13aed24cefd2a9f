"""The SDK's span, made and ended with less work, where nobody but our own processors would see the difference.

`Tracer.start_span` cleans each attribute, makes lists for events and links that most spans never have, and calls every
processor twice; `Span.end` copies the span. What is made here is a span of the SDK's own class with the same content:
tests compare them. Where a user's processor or sampler looks on, the SDK does it (docs/decisions/0005).
"""

import logging
import threading
import time
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer, _Span
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)

from sightglass.export.processors import ExportingSpans
from sightglass.requests.samplers import decides_without_attributes, decision_for_roots

_NONE: Final[Any] = ()
_SAMPLED_RANDOM: Final = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
_logger = logging.getLogger(__name__)


class QuickSpan(_Span):
    """An SDK span whose lists are made when they are needed, and which ends straight into our processors."""

    _ending: ExportingSpans

    def _add_event(self, event: Any) -> None:
        if self._events is _NONE:
            self._events = BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Any) -> None:
        if self._links is _NONE:
            self._links = BoundedList(self._limits.max_links)
        super()._add_link(link)

    def end(self, end_time: int | None = None) -> None:
        """End the span, once."""
        if not self._ending.alone:
            super().end(end_time)
            return
        with self._lock:
            if self._end_time is not None:
                _logger.warning("Calling end() on an ended span.")
                return
            self._end_time = time.time_ns() if end_time is None else end_time
            self._attributes._immutable = True  # type: ignore[union-attr]  # noqa: SLF001  # as the SDK's own `end`
        self._ending.on_end(self)


class QuickTracer:
    """Starts spans for one instrumentation.

    Args:
        tracer: The SDK's tracer.
        processors: The provider's processors.
    """

    def __init__(self, tracer: Any, processors: ExportingSpans) -> None:
        self._tracer = tracer
        self._processors = processors
        # Its own counts of spans, where they are on, it has to make itself.
        self._plain = (
            type(tracer) is Tracer
            and decides_without_attributes(tracer.sampler)
            and type(tracer._tracer_metrics).__name__ == "NoOpTracerMetrics"  # noqa: SLF001  # there is no public way
        )
        self._spans: Any = _spans_of(tracer, processors) if self._plain else None
        self._for_roots = decision_for_roots(tracer.sampler) if self._plain else None

    def start_span(self, name: str, context: Context, kind: SpanKind, values: dict[str, Any], longest: int) -> Span:
        """Start a span.

        Args:
            name: Its name.
            context: Where its parent is found.
            kind: Its kind.
            values: Its attributes, clean; the span keeps this very dict.
            longest: Length of the longest text among them.
        """
        tracer = self._tracer
        limits = tracer._span_limits if self._plain else None  # noqa: SLF001  # there is no public way
        if (
            limits is None
            or not self._processors.alone
            or not tracer._is_enabled()  # noqa: SLF001  # as above
            or (limits.max_span_attributes is not None and len(values) > limits.max_span_attributes)
            or (limits.max_span_attribute_length is not None and longest > limits.max_span_attribute_length)
        ):
            started: Span = tracer.start_span(name, context=context, kind=kind, attributes=values)
            # Again, as the stock middleware does: they hold, whatever a sampler or a processor has made of them.
            for key, value in values.items():
                started.set_attribute(key, value)
            return started
        parent: SpanContext | None = get_current_span(context).get_span_context()
        if parent is not None and not parent.is_valid:
            parent = None
        ids = tracer.id_generator
        trace_id = ids.generate_trace_id() if parent is None else parent.trace_id
        result = self._for_roots if parent is None else None
        if result is None:
            result = tracer.sampler.should_sample(context, trace_id, name, kind, None, ())
        random = ids.is_trace_id_random() if parent is None else parent.trace_flags.random_trace_id
        own = SpanContext(
            trace_id,
            ids.generate_span_id(),
            is_remote=False,
            trace_flags=_flags(sampled=result.decision.is_sampled(), random=random),
            trace_state=result.trace_state,
        )
        if not result.decision.is_recording():
            return NonRecordingSpan(own)
        return self._make(name, own, parent, kind, values)

    def _make(
        self, name: str, own: SpanContext, parent: SpanContext | None, kind: SpanKind, values: dict[str, Any]
    ) -> QuickSpan:
        tracer = self._tracer
        limits = tracer._span_limits  # noqa: SLF001  # there is no public way
        span: QuickSpan = self._spans.__new__(self._spans)
        span._name = name  # noqa: SLF001  # what the SDK's constructor sets, from here on
        span._context = own  # noqa: SLF001
        span._parent = parent  # noqa: SLF001
        span._kind = kind  # noqa: SLF001
        span._resource = tracer.resource  # noqa: SLF001  # a forked child has another
        span._lock = threading.Lock()  # noqa: SLF001
        attributes = BoundedAttributes(
            limits.max_span_attributes, None, immutable=False, max_value_len=limits.max_span_attribute_length
        )
        attributes._dict = values  # noqa: SLF001
        span._attributes = attributes  # noqa: SLF001
        span._start_time = time.time_ns()  # noqa: SLF001
        return span


def _spans_of(tracer: Any, processors: ExportingSpans) -> Any:
    """The class of a tracer's spans: what they have in common is set once, on the class."""
    common = {
        "_ending": processors,
        "_instrumentation_info": tracer.instrumentation_info,
        "_instrumentation_scope": tracer._instrumentation_scope,  # noqa: SLF001  # there is no public way
        "_sampler": tracer.sampler,
        "_span_processor": tracer.span_processor,
        "_limits": tracer._span_limits,  # noqa: SLF001  # as above
        "_events": _NONE,
        "_links": _NONE,
        "_status": Status(StatusCode.UNSET),
        "_trace_config": None,
        "_record_end_metrics": None,
        "_record_exception": True,
        "_set_status_on_exception": True,
        "_end_time": None,
    }
    return type("QuickSpan", (QuickSpan,), common)


def _flags(*, sampled: bool, random: bool) -> TraceFlags:
    if sampled and random:
        return _SAMPLED_RANDOM
    flags = (TraceFlags.SAMPLED if sampled else 0) | (TraceFlags.RANDOM_TRACE_ID if random else 0)
    return TraceFlags(flags)
