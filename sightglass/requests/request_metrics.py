"""The metrics of HTTP requests, as the stock instrumentation has them, on instruments of our own."""

from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.trace import SpanContext

from sightglass.instruments import DEFAULT_BOUNDS, HistogramPoint, Instrument, Instruments, Key, SumPoint
from sightglass.requests.request_attributes import ERROR, METHOD, PROTOCOL, ROUTE, SCHEME, STATUS

_OF_A_REQUEST: Final = (METHOD, SCHEME, PROTOCOL, ROUTE, STATUS, ERROR)
_MOST: Final = 2_000

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RequestPoints:
    """The points of requests that are alike."""

    duration: HistogramPoint
    request_size: HistogramPoint
    response_size: HistogramPoint


class RequestMetrics:
    """Finds the points of a request.

    Args:
        instruments: Where the instruments are registered.
        stock: The stock middleware: scope, names, units and boundaries are those of its instruments.
    """

    def __init__(self, instruments: Instruments, stock: Any) -> None:
        scope = stock.meter._instrumentation_scope  # noqa: SLF001  # the SDK's meter has no public one
        self._points: dict[Values, RequestPoints] = {}
        self._active_points: dict[Values, SumPoint] = {}

        def histogram(like: Any, bounds: tuple[float, ...]) -> Instrument[HistogramPoint]:
            return instruments.histogram(scope, like.name, like.unit, like.description, bounds)

        from opentelemetry.instrumentation._semconv import (  # noqa: PLC0415  # only a FastAPI service has it
            HTTP_DURATION_HISTOGRAM_BUCKETS_NEW as SECONDS,
        )

        self._duration = histogram(stock.duration_histogram_new, SECONDS)
        self._request_size = histogram(stock.server_request_body_size_histogram, DEFAULT_BOUNDS)
        self._response_size = histogram(stock.server_response_body_size_histogram, DEFAULT_BOUNDS)
        active = stock.active_requests_counter
        self._active = instruments.counter(scope, active.name, active.unit, active.description, monotonic=False)

    def active(self, method: str | None, scheme: str | None) -> SumPoint:
        """Where requests under way are counted."""
        values = (method, scheme)
        found = self._active_points.get(values)
        if found is None:
            found = self._active.point(_key((METHOD, SCHEME), values))
            if len(self._active_points) < _MOST:
                self._active_points[values] = found
        return found

    def record(
        self,
        values: Values,
        exemplar: SpanContext | None,
        *,
        seconds: float,
        request_bytes: int | None,
        response_bytes: int | None,
    ) -> None:
        """Measure a finished request.

        Args:
            values: Its method, scheme, protocol version, route, status and error; None where it has none.
            exemplar: Its span, when sampled.
            seconds: How long it took.
            request_bytes: The length that its header says.
            response_bytes: The length that the answer's header says.
        """
        points = self._points.get(values) or self._find(values)
        points.duration.record(seconds, exemplar)
        # The stock instrumentation does not measure an answer of no bytes.
        if response_bytes:
            points.response_size.record(response_bytes, exemplar)
        if request_bytes is not None:
            points.request_size.record(request_bytes, exemplar)

    def _find(self, values: Values) -> RequestPoints:
        key = _key(_OF_A_REQUEST, values)
        found = RequestPoints(self._duration.point(key), self._request_size.point(key), self._response_size.point(key))
        if len(self._points) < _MOST:
            self._points[values] = found
        return found


def _key(names: tuple[str, ...], values: Values) -> Key:
    return tuple((name, value) for name, value in zip(names, values, strict=True) if value is not None)
