"""Counters and histograms whose points are found once and then added to directly.

The SDK's `record` cleans and hashes the attributes of every measurement, and asks a view, a filter and a reservoir: ten
times the cost. What these give is the same: data points, with exemplars, of the SDK's own classes, exported with its
own (docs/decisions/0005).
"""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from opentelemetry.sdk.metrics import Counter, Exemplar, Histogram, UpDownCounter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanContext, get_current_span

Key = tuple[tuple[str, str | bool | int], ...]
"""Attributes, in a fixed order; the values of one name are of one type."""
Temporalities = dict[type, AggregationTemporality]

# The SDK's own default boundaries.
DEFAULT_BOUNDS: Final = (
    *(0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0),
    *(500.0, 750.0, 1_000.0, 2_500.0, 5_000.0, 7_500.0, 10_000.0),
)
# As the SDK: a caller's free text must not fill the memory.
_MOST_POINTS: Final = 2_000
_OVERFLOW: Final[Key] = (("otel.metric.overflow", True),)
_EXEMPLARS: Final = "OTEL_METRICS_EXEMPLAR_FILTER"


class SumPoint:
    """The running sum of one attribute set. Thread-safe."""

    __slots__ = ("_lock", "_started_ns", "_value", "used")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start from nothing with a new lock: what a forked child needs."""
        self._lock = threading.Lock()
        self._value = 0
        self._started_ns = time.time_ns()
        self.used = False

    def add(self, amount: int = 1) -> None:
        """Add `amount`."""
        with self._lock:
            self._value += amount
            self.used = True

    def read(self, attributes: dict[str, Any], since_ns: int | None, now_ns: int, *, delta: bool) -> NumberDataPoint:
        """The data point; with `delta`, counting begins again. It began at `since_ns`, if that is given."""
        with self._lock:
            value, started = self._value, since_ns or self._started_ns
            if delta:
                self._value, self._started_ns, self.used = 0, now_ns, False
        return NumberDataPoint(attributes, started, now_ns, value)


class HistogramPoint:
    """The distribution of one attribute set, with the latest exemplar of each bucket. Thread-safe."""

    __slots__ = ("_bounds", "_counts", "_exemplars", "_lock", "_max", "_min", "_started_ns", "_sum", "used")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.reset()

    def reset(self) -> None:
        """Start from nothing with a new lock: what a forked child needs."""
        self._lock = threading.Lock()
        self._begin(time.time_ns())

    def _begin(self, now_ns: int) -> None:
        self._started_ns = now_ns
        self.used = False
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum: float = 0
        self._min, self._max = float("inf"), float("-inf")
        self._exemplars: dict[int, tuple[float, int, SpanContext]] = {}

    def record(self, value: float, exemplar: SpanContext | None = None) -> None:
        """Add one value.

        Args:
            value: In the instrument's unit.
            exemplar: The span it was measured in, from `Instruments.exemplar`.
        """
        place = bisect_left(self._bounds, value)
        with self._lock:
            self.used = True
            self._counts[place] += 1
            self._sum += value
            if value < self._min:  # noqa: PLR1730  # a call of `min` costs as much as all the rest
                self._min = value
            if value > self._max:  # noqa: PLR1730  # as above
                self._max = value
            if exemplar is not None:
                self._exemplars[place] = (value, time.time_ns(), exemplar)

    def read(self, attributes: dict[str, Any], since_ns: int | None, now_ns: int, *, delta: bool) -> HistogramDataPoint:
        """The data point; with `delta`, counting begins again. Exemplars are told once."""
        with self._lock:
            counts, total, low, high = list(self._counts), self._sum, self._min, self._max
            exemplars, started = self._exemplars, since_ns or self._started_ns
            self._exemplars = {}
            if delta:
                self._begin(now_ns)
        return HistogramDataPoint(
            attributes,
            started,
            now_ns,
            sum(counts),
            total,
            counts,
            self._bounds,
            low,
            high,
            [_exemplar(*exemplars[place]) for place in sorted(exemplars)],
        )


Point = TypeVar("Point", SumPoint, HistogramPoint)


def _exemplar(value: float, at_ns: int, span: SpanContext) -> Exemplar:
    """Outside of any span it names none."""
    return Exemplar({}, value, at_ns, span.span_id or None, span.trace_id or None)


class Instrument(Generic[Point]):
    """One metric: its points by attribute set.

    Args:
        scope: The instrumentation it belongs to.
        name: The metric's name.
        unit: Its unit (UCUM).
        description: One sentence.
        bounds: Upper bounds of a histogram's buckets, inclusive; None for a sum.
        monotonic: Of a sum: whether it only grows.
    """

    def __init__(
        self,
        scope: InstrumentationScope,
        name: str,
        unit: str,
        description: str,
        *,
        bounds: Sequence[float] | None = None,
        monotonic: bool = False,
    ) -> None:
        self.scope = scope
        self.name, self._unit, self._description = name, unit, description
        self._bounds = bounds
        self._monotonic = monotonic
        self._kind = (Counter if monotonic else UpDownCounter) if bounds is None else Histogram
        self._lock = threading.Lock()
        self._points: dict[Key, Any] = {}
        self._collected_ns: int | None = None

    def reset(self) -> None:
        """Start from nothing with a new lock: what a forked child needs. Points stay the same objects."""
        self._lock = threading.Lock()
        self._collected_ns = None
        for point in self._points.values():
            point.reset()

    def point(self, key: Key) -> Point:
        """The point of one attribute set, made when it is new."""
        found = self._points.get(key)
        return self._make(key) if found is None else found

    def _make(self, key: Key) -> Point:
        with self._lock:
            if key not in self._points and len(self._points) >= _MOST_POINTS:
                key = _OVERFLOW
            if key not in self._points:
                self._points[key] = SumPoint() if self._bounds is None else HistogramPoint(self._bounds)
            made: Point = self._points[key]
            return made

    def collect(self, temporalities: Temporalities, now_ns: int) -> Metric | None:
        """Everything so far, or since the last time where the exporter prefers that; None when there is nothing."""
        temporality = temporalities.get(self._kind, AggregationTemporality.CUMULATIVE)
        delta = temporality is AggregationTemporality.DELTA
        with self._lock:
            points = [(key, point) for key, point in self._points.items() if point.used]
            since_ns, self._collected_ns = self._collected_ns, now_ns if delta else None
        if not points:
            return None
        read = [point.read(dict(key), since_ns, now_ns, delta=delta) for key, point in points]
        data = (
            Sum(read, temporality, is_monotonic=self._monotonic)
            if self._bounds is None
            else HistogramData(read, temporality)
        )
        return Metric(self.name, self._description, self._unit, data)


class Instruments:
    """All instruments of a process."""

    def __init__(self) -> None:
        self._all: dict[tuple[InstrumentationScope, str], Instrument[Any]] = {}
        self._lock = threading.Lock()
        self._filter = os.environ.get(_EXEMPLARS, "").strip().lower()

    def exemplar(self, span: Span | None = None) -> SpanContext | None:
        """The span that an exemplar names: the given or current one, when exemplars of it are wanted."""
        if self._filter == "always_off":
            return None
        context = (get_current_span() if span is None else span).get_span_context()
        if self._filter == "always_on":
            return context
        return context if context.is_valid and context.trace_flags.sampled else None

    def histogram(
        self, scope: InstrumentationScope, name: str, unit: str, description: str, bounds: Sequence[float]
    ) -> Instrument[HistogramPoint]:
        """The histogram of this name, made when it is new: two applications in one process share it."""
        return self._add(Instrument[HistogramPoint](scope, name, unit, description, bounds=bounds))

    def counter(
        self, scope: InstrumentationScope, name: str, unit: str, description: str, *, monotonic: bool
    ) -> Instrument[SumPoint]:
        """The counter of this name, made when it is new."""
        return self._add(Instrument[SumPoint](scope, name, unit, description, monotonic=monotonic))

    def _add(self, instrument: Instrument[Point]) -> Instrument[Point]:
        with self._lock:
            return self._all.setdefault((instrument.scope, instrument.name), instrument)

    def reset(self) -> None:
        """Start from nothing, in a forked child."""
        self._lock = threading.Lock()
        for instrument in self._all.values():
            instrument.reset()

    def collect(self, temporalities: Temporalities) -> list[ScopeMetrics]:
        """The metrics that have points, by instrumentation scope."""
        now_ns = time.time_ns()
        scopes: dict[InstrumentationScope, list[Metric]] = {}
        for instrument in tuple(self._all.values()):
            if (metric := instrument.collect(temporalities, now_ns)) is not None:
                scopes.setdefault(instrument.scope, []).append(metric)
        return [ScopeMetrics(scope, metrics, scope.schema_url or "") for scope, metrics in scopes.items()]
