"""Scoring in the shadow: on one thread of its own, after the answer, with a bounded queue in front."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from services.ml_api.features import FeatureRow
from services.ml_api.observed import MODEL_ROWS
from services.ml_api.scoring import Predictor
from sightglass import attributes, model_call, record_prediction

_logger = logging.getLogger(__name__)

SHADOW_SPAN: Final = "model.shadow"
SHADOW: Final = "shadow"
_YIELD_EVERY_ROWS: Final = 8
_LOG_EVERY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """What the champion judged, and the id of that prediction, which the shadow's will share."""

    prediction_id: str
    features: FeatureRow
    features_source: str
    entity_id: str | None


@dataclass(frozen=True, slots=True)
class ShadowJob:
    """The rows of one answered request, and the context of its server span."""

    context: Context
    rows: Sequence[ShadowRow]


Skipped = Callable[[Predictor, int, str], None]
"""Told how many rows got no shadow prediction, and why."""


class ShadowLane:
    """One shadow version with its thread: whatever it does, slow, crash or hang, nobody waits for it.

    Args:
        predictor: The version.
        tracer: Makes its spans.
        skipped: Counts rows left out: `queue_full`, `failed`, or `stopped` when the process ends.
        most_rows: How many rows may wait.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        predictor: Predictor,
        tracer: Tracer,
        skipped: Skipped,
        *,
        most_rows: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._predictor = predictor
        self._tracer = tracer
        self._skipped = skipped
        self._most_rows = most_rows
        self._clock = clock
        self._jobs: deque[tuple[float, ShadowJob]] = deque()
        self._changed = threading.Condition()
        self._rows = 0
        self._stopping = False
        self._abandoned = False
        self._silent_until = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"shadow-{predictor.model.version}", daemon=True)
        self._thread.start()

    def offer(self, job: ShadowJob) -> None:
        """Score these rows when there is time; never waits, and leaves them out when too many wait already."""
        count = len(job.rows)
        with self._changed:
            reason = "stopped" if self._stopping else "queue_full" if self._rows + count > self._most_rows else ""
            if not reason:
                self._rows += count
                self._jobs.append((self._clock(), job))
                self._changed.notify()
        if reason:
            self._skip(count, reason)

    def retire(self) -> None:
        """Take nothing more; what waits is still scored."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def finish(self, timeout_seconds: float) -> bool:
        """Take nothing more and wait for what was taken; what is not done in time counts as skipped.

        Returns:
            Whether everything was done.
        """
        self.retire()
        self._thread.join(timeout_seconds)
        with self._changed:
            left = self._rows
            self._abandoned = True
            self._rows = 0
            self._jobs.clear()
        if left:
            self._skip(left, "stopped")
        return left == 0

    @property
    def done(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._stopping:
                    self._changed.wait()
                if not self._jobs:
                    return
                queued_at, job = self._jobs.popleft()
            failed = False
            try:
                self._score(job, self._clock() - queued_at)
            except Exception:  # its span says what it was
                failed = True
            with self._changed:
                if self._abandoned:
                    return
                self._rows -= len(job.rows)
            if failed:
                self._skip(len(job.rows), "failed")

    def _score(self, job: ShadowJob, queue_seconds: float) -> None:
        model = self._predictor.model
        told: dict[str, str | int] = {
            attributes.MODEL_NAME: model.name,
            attributes.MODEL_VERSION: model.version,
            attributes.VARIANT: SHADOW,
            MODEL_ROWS: len(job.rows),
        }
        with self._tracer.start_as_current_span(SHADOW_SPAN, context=job.context, attributes=told):
            with model_call(model, variant=SHADOW, queue_seconds=queue_seconds) as call:
                decisions = self._predictor.decide([row.features for row in job.rows])
            for number, (row, decision) in enumerate(zip(job.rows, decisions, strict=True), start=1):
                record_prediction(
                    row.features,
                    score=decision.score,
                    label=decision.label,
                    scores=decision.scores,
                    model=model,
                    positive=decision.positive,
                    prediction_id=row.prediction_id,
                    entity_id=row.entity_id,
                    features_source=row.features_source,
                    variant=SHADOW,
                    duration_seconds=call.seconds,
                )
                if number % _YIELD_EVERY_ROWS == 0:
                    # Lets the event loop go first: without it a long batch would hold up answers.
                    time.sleep(0)

    def _skip(self, count: int, reason: str) -> None:
        self._skipped(self._predictor, count, reason)
        now = self._clock()
        if now >= self._silent_until:
            self._silent_until = now + _LOG_EVERY_SECONDS
            _logger.warning(
                "%d predictions without a shadow of version %s (%s); more of these are counted but not logged "
                "for a minute",
                count,
                self._predictor.model.version,
                reason,
            )
