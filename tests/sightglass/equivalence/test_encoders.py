"""The encoders of `sightglass.otlp` and the stock ones, on arbitrary spans and log records."""

import logging
from copy import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._internal._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common._internal.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from sightglass.otlp.logs import encode_log
from sightglass.otlp.request import encode_request, framed_record
from sightglass.otlp.spans import encode_span
from tests.sightglass.equivalence.arbitrary import NANOSECONDS, TEXTS, attribute_sets, values

_QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
_RESOURCES = [
    Resource({"service.name": "a", "n": 1, "list": ["x", "y"]}),
    Resource({"service.name": "b"}, "https://example.test/resource"),
]
_SCOPES = [
    InstrumentationScope("one", "1", "https://example.test/scope", {"k": True}),
    InstrumentationScope("two"),
    InstrumentationScope("one"),
    None,
]


class SomeIds(IdGenerator):
    """Ids that hypothesis need not know of."""

    def generate_span_id(self):
        """A span's id."""
        return 0xA1

    def generate_trace_id(self):
        """A trace's id."""
        return 0xB2


_TRACERS = [
    TracerProvider(
        resource=_RESOURCES[number % 2],
        sampler=ALWAYS_ON,
        span_limits=SpanLimits(*limits),
        id_generator=SomeIds(),
        shutdown_on_exit=False,
    ).get_tracer("x")
    for number, limits in enumerate([(None,) * 6, (0,) * 6, (1,) * 6, (3,) * 6, (5, 1, 1, 1, 1, 2), (2, 0, 0, 5, 5, 7)])
]
_IDS = st.integers(1, 2**64 - 1)
_CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    _IDS,
    st.booleans(),
    st.integers(0, 255).map(TraceFlags),
    st.sampled_from([TraceState(), TraceState([("a", "1"), ("b@c", "x y")])]),
)


@st.composite
def spans(draw):
    """A finished span of the SDK's, through its public interface."""
    tracer = copy(draw(st.sampled_from(_TRACERS)))
    tracer._instrumentation_scope = draw(st.sampled_from(_SCOPES))
    parent = draw(st.none() | _CONTEXTS)
    links = draw(st.lists(st.builds(Link, _CONTEXTS, attribute_sets()), max_size=4))
    span = tracer.start_span(
        draw(TEXTS),
        None if parent is None else set_span_in_context(NonRecordingSpan(parent)),
        draw(st.sampled_from(SpanKind)),
        draw(attribute_sets()),
        links,
        draw(NANOSECONDS),
    )
    for name, attributes, at in draw(st.lists(st.tuples(TEXTS, attribute_sets(), NANOSECONDS), max_size=5)):
        span.add_event(name, attributes, at)
    span.set_status(draw(st.sampled_from([Status(), Status(StatusCode.OK), Status(StatusCode.ERROR, "é" * 3)])))
    span.end(draw(NANOSECONDS))
    return span._readable_span()


@st.composite
def records(draw):
    """A log record as a processor is given it."""
    record = LogRecord(
        timestamp=draw(st.none() | NANOSECONDS),
        observed_timestamp=draw(NANOSECONDS),
        severity_text=draw(st.none() | TEXTS),
        severity_number=draw(st.none() | st.sampled_from(SeverityNumber)),
        body=draw(values()),
        attributes=draw(st.none() | attribute_sets()),
        event_name=draw(st.none() | TEXTS),
    )
    record.trace_id, record.span_id = draw(st.sampled_from([0, 1, 2**127])), draw(st.sampled_from([0, 1, 2**63]))
    record.trace_flags = TraceFlags(draw(st.integers(0, 255)))
    return ReadableLogRecord(record, draw(st.sampled_from(_RESOURCES)), draw(st.sampled_from(_SCOPES)))


def flat(request, kind):
    """The records of a request, each with its resource and scope: how they are grouped does not matter."""
    return [
        (record, scope.scope, scope.schema_url, resource.resource, resource.schema_url)
        for resource in getattr(request, f"resource_{kind}")
        for scope in getattr(resource, f"scope_{kind}")
        for record in getattr(scope, "log_records" if kind == "logs" else kind)
    ]


def in_order(found):
    """The same in an order of their own."""
    return sorted(found, key=repr)


def our_spans(items):
    """What a receiver gets of our encoding."""
    body = encode_request(
        (item.resource, item.instrumentation_scope, framed_record(encode_span(item))) for item in items
    )
    return ExportTraceServiceRequest.FromString(body)


def our_logs(items):
    """As above, for log records."""
    body = encode_request(
        (item.resource, item.instrumentation_scope, framed_record(encode_log(item))) for item in items
    )
    return ExportLogsServiceRequest.FromString(body)


@_QUIET
@given(st.lists(spans(), max_size=3))
def test_a_receiver_gets_the_same_spans(items):
    """Every field of every span, scope and resource is what the stock encoder sends."""
    stock = ExportTraceServiceRequest.FromString(encode_spans(items).SerializeToString())
    assert in_order(flat(our_spans(items), "spans")) == in_order(flat(stock, "spans"))


@_QUIET
@given(st.lists(records(), max_size=3))
def test_a_receiver_gets_the_same_records(items):
    """As for spans, whatever the type of body and attributes."""
    stock = ExportLogsServiceRequest.FromString(encode_logs(items).SerializeToString())
    assert in_order(flat(our_logs(items), "logs")) == in_order(flat(stock, "logs"))


def one_span(name="n", description=None, **attributes):
    """A span with such attributes."""
    span = _TRACERS[0].start_span(name, attributes=attributes)
    if description is not None:
        span.set_status(Status(StatusCode.ERROR, description))
    span.end()
    return span._readable_span()


def keys(request):
    """The attributes that arrived."""
    return {item.key: item.value for record in flat(request, "spans") for item in record[0].attributes}


def test_lone_surrogates():
    """Stock drops the attribute, or fails on the span's name; ours sends a question mark."""
    logging.disable(logging.CRITICAL)
    span = one_span(a="x\ud800", b="fine")
    assert set(keys(encode_spans([span]))) == {"b"}
    assert keys(our_spans([span]))["a"].string_value == "x?"
    for broken in (one_span(name="\ud800"), one_span(description="\ud800")):
        with pytest.raises(UnicodeEncodeError):
            encode_spans([broken])
        assert len(flat(our_spans([broken]), "spans")) == 1


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_integers_beyond_64_bits(number):
    """Stock drops the attribute and fails on a body; ours sends text."""
    logging.disable(logging.CRITICAL)
    span = one_span(a=number, b=1)
    assert set(keys(encode_spans([span]))) == {"b"}
    assert keys(our_spans([span]))["a"].string_value == str(number)
    record = ReadableLogRecord(LogRecord(body=number), _RESOURCES[0], _SCOPES[0])
    with pytest.raises(ValueError, match="out of range"):
        encode_logs([record])
    assert flat(our_logs([record]), "logs")[0][0].body.string_value == str(number)


@pytest.mark.parametrize("kind", [int, str, float, bool])
def test_what_is_remembered_of_a_key_is_never_another_value(kind):
    """A key with many values, of one type and then of others, is encoded as the first time."""
    numbers = [*range(100), 127, 128, 16_383, 16_384, 2**31, 2**63 - 1, -1, -(2**63)]
    others = (True, 1, 1.0, "1", 0, False, 0.0, -0.0, "", "x" * 300, (1, 2), None)
    items = [one_span(**{f"of {kind.__name__}": kind(number), "other": number}) for number in numbers]
    items += [one_span(**{f"of {kind.__name__}": other}) for other in others] * 2
    stock = ExportTraceServiceRequest.FromString(encode_spans(items).SerializeToString())
    assert flat(our_spans(items), "spans") == flat(stock, "spans")
