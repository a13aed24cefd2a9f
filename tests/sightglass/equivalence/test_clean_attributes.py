"""Setting attributes that are clean, and setting them the SDK's way."""

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import INVALID_SPAN

from sightglass.requests.clean_attributes import set_clean_attributes
from tests.sightglass.equivalence.arbitrary import SCALARS

_NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
_SETS = st.lists(st.dictionaries(_NAMES, SCALARS, max_size=4), max_size=5)


def tracer(sampler, most, longest):
    """A tracer whose spans have such limits."""
    limits = SpanLimits(max_span_attributes=most, max_span_attribute_length=longest)
    return TracerProvider(sampler=sampler, span_limits=limits, shutdown_on_exit=False).get_tracer("x")


_TRACERS = [tracer(ALWAYS_ON, most, longest) for most in (0, 1, 3, 128) for longest in (None, 0, 3, 8_192)]
_TRACERS.append(tracer(ALWAYS_OFF, 128, None))


def state(span):
    """All that there is to see of a span's attributes."""
    attributes = getattr(span, "attributes", None) or {}
    items = [(name, type(value), value) for name, value in attributes.items()]
    return items, getattr(span, "dropped_attributes", 0), span.is_recording()


@settings(max_examples=100, deadline=None, database=None)
@given(st.sampled_from(_TRACERS), _SETS, _SETS)
def test_clean_attributes_are_set_as_the_sdk_sets_them(tracer, before, after):
    """Values, types, order and the number of dropped ones, within any limits, and nothing after the end."""
    stock, ours = tracer.start_span("x"), tracer.start_span("x")
    for values in before:
        stock.set_attributes(values)
        set_clean_attributes(ours, values)
        assert state(ours) == state(stock)
    stock.end()
    ours.end()
    for values in after:
        stock.set_attributes(values)
        set_clean_attributes(ours, values)
    assert state(ours) == state(stock)


def test_a_span_of_no_kind_we_know_is_left_alone():
    """The span that is none."""
    set_clean_attributes(INVALID_SPAN, {"a": 1})
    assert not INVALID_SPAN.is_recording()
