"""Our instruments and the SDK's, given the same measurements."""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from sightglass.instruments import DEFAULT_BOUNDS, Instruments

_KEYS = [(), (("a", 1),), (("a", 2),), (("a", 2), ("b", True)), (("c", "text"),)]
_SPANS = [
    INVALID_SPAN,
    NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))),
    NonRecordingSpan(SpanContext(3, 4, is_remote=False, trace_flags=TraceFlags(0))),
]
_BOUNDS = [DEFAULT_BOUNDS, (1.0, 2.5), (), (0.005, 0.5, 5)]
_DELTA, _CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
_PREFERENCES = [
    {},
    {Counter: _DELTA, Histogram: _DELTA, UpDownCounter: _CUMULATIVE},
    {Counter: _DELTA, Histogram: _CUMULATIVE, UpDownCounter: _DELTA},
]
_NUMBERS = st.integers(0, 10**6) | st.sampled_from([0.0, 0.005, 1.0, 2.5, 5.0, 1e9]) | st.floats(0, 1e12)
# A measurement, or a collection.
_STEPS = st.lists(st.tuples(st.sampled_from(_KEYS), _NUMBERS, st.sampled_from(_SPANS)) | st.none(), max_size=12)


class Both:
    """One instrument of each kind twice: the SDK's, and ours."""

    def __init__(self, preferences, bounds, kept):
        self._reader = InMemoryMetricReader(preferred_temporality=preferences)
        meter = MeterProvider([self._reader], shutdown_on_exit=False).get_meter("x", "1")
        self._preferences = preferences
        with patch.dict("os.environ", {"OTEL_METRICS_EXEMPLAR_FILTER": kept}):
            self._instruments = Instruments()
        scope = meter._instrumentation_scope
        self._stock = (
            meter.create_histogram("h", "s", "H.", explicit_bucket_boundaries_advisory=bounds),
            meter.create_counter("c", "1", "C."),
            meter.create_up_down_counter("u", "1", "U."),
        )
        self._ours: Any = (
            self._instruments.histogram(scope, "h", "s", "H.", bounds),
            self._instruments.counter(scope, "c", "1", "C.", monotonic=True),
            self._instruments.counter(scope, "u", "1", "U.", monotonic=False),
        )
        self._times: list[list[int]] = [[], []]

    def measure(self, key, number, span):
        """The same measurement of all."""
        context = set_span_in_context(span)
        for place, amount in enumerate((number, int(number), -int(number))):
            operation = self._stock[place].record if place == 0 else self._stock[place].add
            operation(amount, dict(key), context)
        self._ours[0].point(key).record(number, self._instruments.exemplar(span))
        self._ours[1].point(key).add(int(number))
        self._ours[2].point(key).add(-int(number))

    def collect(self):
        """What both export."""
        data = self._reader.get_metrics_data()
        stock = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        ours = self._instruments.collect(self._preferences)
        return [self._described(scopes, place) for place, scopes in enumerate((stock, ours))]

    def _described(self, scopes, place):
        collected = max([point.time_unix_nano for point in points_of(scopes)], default=None)
        before = self._times[place]
        found = {
            metric.name: (
                scope.scope,
                scope.schema_url,
                metric.unit,
                metric.description,
                type(metric.data),
                metric.data.aggregation_temporality,
                getattr(metric.data, "is_monotonic", None),
                sorted((point_of(point, before) for point in metric.data.data_points), key=str),
            )
            for scope in scopes
            for metric in scope.metrics
        }
        if collected is not None:
            before.append(collected)
        return found


def points_of(scopes):
    """All data points."""
    return [point for scope in scopes for metric in scope.metrics for point in metric.data.data_points]


def point_of(point, collections):
    """A point: everything but the moments themselves; whether it begins at the last collection is kept."""
    common = (
        sorted((name, type(value).__name__, value) for name, value in (point.attributes or {}).items()),
        point.start_time_unix_nano <= point.time_unix_nano,
        point.start_time_unix_nano in collections[-1:],
    )
    if hasattr(point, "value"):
        return (*common, point.value)
    exemplars = [
        (each.value, each.trace_id, each.span_id, dict(each.filtered_attributes or {}), each.time_unix_nano > 0)
        for each in point.exemplars
    ]
    return (
        *common,
        point.count,
        # The SDK adds what came since the last collection to what was there: its order of rounding is another.
        f"{float(point.sum):.9g}",
        tuple(point.bucket_counts),
        tuple(point.explicit_bounds),
        (point.min, point.max),
        exemplars,
    )


@settings(max_examples=60, deadline=None, database=None)
@given(st.sampled_from(_PREFERENCES), st.sampled_from(_BOUNDS), _STEPS)
def test_our_instruments_export_what_the_sdk_s_do(preferences, bounds, steps):
    """Sums, and histograms with bounds, minimum, maximum and exemplars, over several collections of any temporality."""
    both = Both(preferences, bounds, "trace_based")
    for step in (*steps, None):
        if step is not None:
            both.measure(*step)
            continue
        stock, ours = both.collect()
        assert ours == stock


@pytest.mark.parametrize("kept", ["always_on", "always_off", "trace_based", ""])
def test_exemplars_are_kept_as_the_filter_says(kept, monkeypatch):
    """Of spans that are sampled, of all measurements, or none."""
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", kept or "trace_based")
    both = Both({}, DEFAULT_BOUNDS, kept)
    for number, span in enumerate(_SPANS):
        both.measure((), number * 40, span)
    stock, ours = both.collect()
    assert ours["h"] == stock["h"]
    assert len(ours["h"][-1][0][-1]) == {"always_on": 3, "always_off": 0}.get(kept, 1)


def test_the_limit_of_attribute_sets_is_the_sdk_s():
    """The first 2,000 have points of their own, and all others share one that says so."""
    both = Both({}, DEFAULT_BOUNDS, "trace_based")
    for number in range(2_003):
        both.measure((("n", number),), 1, INVALID_SPAN)
    stock, ours = both.collect()
    assert ours == stock
    assert len(ours["c"][-1]) == 2_001


def test_an_instrument_of_one_name_is_one():
    """As the SDK's meter: two applications in a process add to the same metric, which is exported once."""
    instruments = Instruments()
    scope = MeterProvider(shutdown_on_exit=False).get_meter("x")._instrumentation_scope
    one, two = (instruments.counter(scope, "c", "1", "C.", monotonic=True) for _ in range(2))
    one.point(()).add(1)
    two.point(()).add(2)
    (exported,) = instruments.collect({})
    (metric,) = exported.metrics
    assert [point.value for point in metric.data.data_points] == [3]
