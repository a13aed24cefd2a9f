"""A quick span and the SDK's, whatever is done to them."""

import json
import os
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from sightglass.export.processors import ExportingSpans
from sightglass.requests.quick_span import QuickSpan, QuickTracer
from tests.sightglass.equivalence import described
from tests.sightglass.equivalence.arbitrary import NANOSECONDS, TEXTS, attribute_sets, values

_PARENT = SpanContext(0xAB, 0xCD, is_remote=True, trace_flags=TraceFlags(3), trace_state=TraceState([("k", "v")]))
_OTHER = SpanContext(0xEF, 0x12, is_remote=False)
_OPERATIONS = st.one_of(
    st.tuples(st.just("set_attribute"), st.tuples(TEXTS, values())),
    st.tuples(st.just("set_attributes"), st.tuples(attribute_sets())),
    st.tuples(st.just("add_event"), st.tuples(TEXTS, st.none() | attribute_sets(), NANOSECONDS)),
    st.tuples(st.just("add_link"), st.tuples(st.sampled_from([_PARENT, _OTHER]), st.none() | attribute_sets())),
    st.tuples(st.just("update_name"), st.tuples(TEXTS)),
    st.tuples(st.just("record_exception"), st.tuples(st.just(ValueError("x")), attribute_sets(), st.just(5))),
    st.tuples(
        st.just("set_status"),
        st.sampled_from(
            [
                *((StatusCode.OK,), (StatusCode.ERROR, "why"), (StatusCode.UNSET,), (Status(StatusCode.ERROR, "a"),)),
                *((Status(StatusCode.OK), "ignored"), (Status(),)),
            ]
        ),
    ),
    st.tuples(st.just("end"), st.tuples(NANOSECONDS)),
)


class OneId(IdGenerator):
    """Always the same ids."""

    def generate_span_id(self):
        """The id of all spans."""
        return 0xA1

    def generate_trace_id(self):
        """The id of all traces."""
        return 0xB2

    def is_trace_id_random(self):
        """They are not."""
        return False


class Side:
    """A provider with our processors, and the spans that came out of it."""

    def __init__(self, limits, sampler=ALWAYS_ON):
        self.processors = ExportingSpans()
        self.kept = InMemorySpanExporter()
        self.processors.export_with(SimpleSpanProcessor(self.kept))
        self.provider = TracerProvider(
            sampler=sampler,
            active_span_processor=self.processors,
            id_generator=OneId(),
            span_limits=limits,
            shutdown_on_exit=False,
        )
        self.tracer = self.provider.get_tracer("x", "1", "https://example.test")
        self.quick = QuickTracer(self.tracer, self.processors)

    def start(self, parent, attributes, *, quick):
        """Start a span, at a fixed moment."""
        context = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        span = (
            self.quick.start_span("n", context, SpanKind.SERVER, dict(attributes), 0)
            if quick
            else self.tracer.start_span("n", context, SpanKind.SERVER, attributes)
        )
        if span.is_recording():
            assert isinstance(span, QuickSpan) == quick
            span._start_time = 1
        return span

    def ended(self):
        """What was exported since it was asked last."""
        spans = self.kept.get_finished_spans()
        self.kept.clear()
        return [(described.span(span), as_json(span)) for span in spans]


def as_json(span):
    """The span as JSON; the SDK cannot write bytes."""
    try:
        return json.loads(span.to_json())
    except TypeError as error:
        return str(error)


def side_by_side(limits, **options):
    """Two sides that are alike."""
    return Side(limits, **options), Side(limits, **options)


_SIDES = [
    side_by_side(SpanLimits(max_span_attributes=most, max_events=some, max_links=some, max_event_attributes=some))
    for most, some in ((128, 128), (3, 2), (2, 0))
]


def seen(span):
    """All that a span shows while it is there."""
    return (
        span.is_recording(),
        described.context(span.get_span_context()),
        span.name,
        span.status.status_code,
        span.status.description,
        described.attributes(span.attributes),
        len(span.events),
        len(span.links),
        (span.dropped_attributes, span.dropped_events, span.dropped_links),
        span.end_time,
    )


@settings(max_examples=80, deadline=None, database=None)
@given(
    st.sampled_from(_SIDES),
    st.sampled_from([None, _PARENT, _OTHER]),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), max_size=2),
    st.lists(_OPERATIONS, max_size=8),
)
def test_a_quick_span_does_what_the_sdk_s_does(sides, parent, attributes, operations):
    """After each operation it shows the same, and what is exported at its end is the same, also as JSON."""
    stock, ours = (side.start(parent, attributes, quick=side is sides[1]) for side in sides)
    for name, arguments in operations:
        getattr(stock, name)(*arguments)
        getattr(ours, name)(*arguments)
        assert seen(ours) == seen(stock)
    stock.end(7)
    ours.end(7)
    exported, ours_exported = (side.ended() for side in sides)
    assert len(exported) == 1
    assert ours_exported == exported


@pytest.mark.parametrize("raises", [None, ValueError, KeyboardInterrupt])
def test_a_quick_span_is_a_context_manager(raises):
    """An exception within is recorded and goes on, and the span ends once."""
    sides = side_by_side(SpanLimits())
    for side in sides:
        with (
            nullcontext() if raises is None else pytest.raises(raises),
            side.start(None, {}, quick=side is sides[1]) as span,
        ):
            if raises is not None:
                raise raises("in it")
        assert not span.is_recording()
    stock, ours = (side.ended()[0][0] for side in sides)
    assert ours == stock
    assert len(stock["events"]) == (raises is not None)


@pytest.mark.parametrize("parent", [None, _PARENT, _OTHER])
def test_a_span_that_is_not_sampled_has_the_same_context(parent):
    """It records nothing, and its context is the SDK's."""
    sides = side_by_side(SpanLimits(), sampler=ALWAYS_OFF)
    stock, ours = (side.start(parent, {"a": 1}, quick=side is sides[1]) for side in sides)
    assert type(ours) is type(stock) is NonRecordingSpan
    assert described.context(ours.get_span_context()) == described.context(stock.get_span_context())


def test_a_processor_added_while_a_span_is_open_sees_its_end():
    """As it would see the SDK's; spans that start later are the SDK's own."""
    ended = []

    class Watching(SpanProcessor):
        def _on_ending(self, span):
            ended.append(span.name)

        def on_end(self, span):
            ended.append(described.span(span))

    for quick in (False, True):
        side = Side(SpanLimits())
        span = side.start(None, {}, quick=quick)
        side.provider.add_span_processor(Watching())
        span.end(9)
        assert type(side.quick.start_span("n", Context(), SpanKind.SERVER, {}, 0)).__name__ == "_Span"
    assert len(ended) == 4
    assert ended[:2] == ended[2:]


def test_in_a_forked_child_a_span_has_the_child_s_resource():
    """The SDK gives a forked child a new instance id; quick spans have it too."""
    side = Side(SpanLimits())
    child = os.fork()
    if child == 0:
        same = False
        try:
            span = side.start(None, {}, quick=True)
            same = span.resource is side.provider.resource and span.resource is side.tracer.resource
        finally:
            os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
