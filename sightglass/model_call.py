"""`model_call`: how long a model took, and how many calls of it are under way."""

from time import perf_counter
from types import TracebackType
from typing import Self

from sightglass.model import Model


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
        self, model: Model | None = None, *, variant: str = "champion", queue_seconds: float | None = None
    ) -> None:
        self._model = model
        self._variant = variant
        self._queue_seconds = queue_seconds
        self.seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        self._started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        """End, also where the model raised."""
        self.seconds = perf_counter() - self._started
