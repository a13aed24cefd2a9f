"""Which shadow there is now, and those before it that still have work to do."""

import time
from collections.abc import Callable
from typing import Final

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer

from services.ml_api.scoring import Predictor
from services.ml_api.shadow_lane import ShadowLane
from sightglass import attributes

SKIPPED_METRIC: Final = "ml.shadow.skipped"
REASON: Final = "reason"


class Shadowing:
    """Gives each shadow version a lane of its own, so that one that hangs does not hold up the next.

    Args:
        tracer: Makes the spans.
        meter: Counts the rows left out.
        most_rows: How many rows may wait in a lane.
        clock: Monotonic seconds.

    Attributes:
        lane: The lane of the present shadow; None when there is none.
    """

    def __init__(
        self, tracer: Tracer, meter: Meter, *, most_rows: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tracer = tracer
        self._most_rows = most_rows
        self._clock = clock
        self._counter = meter.create_counter(
            SKIPPED_METRIC, unit="{prediction}", description="Predictions that got no shadow, by reason."
        )
        self._retired: list[ShadowLane] = []
        self.lane: ShadowLane | None = None

    def take(self, predictor: Predictor | None) -> None:
        """Make `predictor` the shadow from now on; None ends it. The one before finishes what it has."""
        before = self.lane
        self.lane = (
            None
            if predictor is None
            else ShadowLane(predictor, self._tracer, self._skipped, most_rows=self._most_rows, clock=self._clock)
        )
        self._retired = [lane for lane in self._retired if not lane.done]
        if before is not None:
            before.retire()
            self._retired.append(before)

    def finish(self, timeout_seconds: float) -> bool:
        """Wait for all work that was taken; what is not done in time counts as skipped.

        Returns:
            Whether everything was done.
        """
        ends_at = self._clock() + timeout_seconds
        self.take(None)
        done = [lane.finish(max(0.0, ends_at - self._clock())) for lane in self._retired]
        return all(done)

    def _skipped(self, predictor: Predictor, count: int, reason: str) -> None:
        model = predictor.model
        self._counter.add(
            count,
            {attributes.MODEL_NAME: model.name, attributes.MODEL_VERSION: model.version, REASON: reason},
        )
