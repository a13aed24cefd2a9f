"""What is measured of models: scores, durations, fallbacks, calls under way, waiting."""

from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from sightglass import attributes
from sightglass.instruments import HistogramPoint, Instrument, Instruments, Key, SumPoint

_MOST_MODELS: Final = 2_000
_SCORE_BOUNDS: Final = tuple(step / 20 for step in range(1, 20))
_SECONDS_BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


@dataclass(frozen=True, slots=True)
class ModelPoints:
    """The points of one model, version and variant."""

    score: HistogramPoint
    duration: HistogramPoint
    fallbacks: SumPoint
    in_flight: SumPoint
    queue: HistogramPoint


class ModelMetrics:
    """The instruments, and the points of each model.

    Args:
        instruments: Where they are registered.
        scope: The library's own instrumentation scope.
        replayed: Mark them as measurements of rows with past timestamps.
    """

    def __init__(self, instruments: Instruments, scope: InstrumentationScope, *, replayed: bool) -> None:
        self._common: Key = ((attributes.REPLAYED, True),) if replayed else ()
        self._points: dict[tuple[str, str, str], ModelPoints] = {}
        terms = {term.name: term for term in attributes.REGISTRY if term.kind in ("histogram", "counter", "gauge")}

        def histogram(name: str, bounds: tuple[float, ...]) -> Instrument[HistogramPoint]:
            return instruments.histogram(scope, name, terms[name].type, terms[name].meaning, bounds)

        def counter(name: str, *, monotonic: bool) -> Instrument[SumPoint]:
            return instruments.counter(scope, name, terms[name].type, terms[name].meaning, monotonic=monotonic)

        self._score = histogram(attributes.SCORE_METRIC, _SCORE_BOUNDS)
        self._duration = histogram(attributes.MODEL_DURATION_METRIC, _SECONDS_BOUNDS)
        self._fallbacks = counter(attributes.FALLBACK_METRIC, monotonic=True)
        self._in_flight = counter(attributes.IN_FLIGHT_METRIC, monotonic=False)
        self._queue = histogram(attributes.QUEUE_METRIC, _SECONDS_BOUNDS)

    def points(self, name: str, version: str, variant: str) -> ModelPoints:
        """The points of one model, version and variant; made once."""
        key = (name, version, variant)
        found = self._points.get(key)
        if found is None:
            found = self._make(name, version, variant)
            # Bounded as the instruments are: past that, all share the instruments' overflow points.
            if len(self._points) < _MOST_MODELS:
                self._points[key] = found
        return found

    def _make(self, name: str, version: str, variant: str) -> ModelPoints:
        key: Key = (
            (attributes.MODEL_NAME, name),
            (attributes.MODEL_VERSION, version),
            (attributes.VARIANT, variant),
            *self._common,
        )
        return ModelPoints(
            self._score.point(key),
            self._duration.point(key),
            self._fallbacks.point(key),
            self._in_flight.point(key),
            self._queue.point(key),
        )
