"""`model_call`: how long a model took, and how many calls of it are under way."""

from time import perf_counter
from types import TracebackType
from typing import Self

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.predictions.features import as_number
from sightglass.predictions.model import Model, usable_model
from sightglass.predictions.model_metrics import ModelPoints
from sightglass.telemetry import current


class model_call:  # noqa: N801  # read as a verb: `with model_call(...)`
    """Times one call of a model and counts it as in flight while it lasts. Never raises by itself.

    Args:
        model: The model that is called; the one telemetry was started with when left out.
        variant: `champion`, or `shadow`.
        queue_seconds: How long the call waited for its turn; not recorded when left out.

    Attributes:
        seconds: How long the call took, once it is over: give it to `record_prediction` as `duration_seconds`.
    """

    def __init__(
        self, model: Model | None = None, *, variant: str = attributes.CHAMPION, queue_seconds: float | None = None
    ) -> None:
        self._model = model
        self._variant = variant
        self._queue_seconds = queue_seconds
        self.seconds = 0.0
        self._started = 0.0
        self._points: ModelPoints | None = None

    def __enter__(self) -> Self:
        """Begin."""
        try:
            self._begin()
        except Exception:
            report_fault("model_call")
        self._started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        """End, also where the model raised."""
        self.seconds = perf_counter() - self._started
        if self._points is not None:
            self._points.in_flight.add(-1)

    def _begin(self) -> None:
        telemetry = current()
        if telemetry is None:
            return
        model = usable_model(self._model, telemetry.model)
        points = telemetry.identities.find(model, self._variant, attributes.STORE).points
        if (waited := as_number(self._queue_seconds)) is not None:
            points.queue.record(max(0.0, waited), telemetry.instruments.exemplar())
        points.in_flight.add()
        self._points = points
