"""Where prediction requests are worked off: admitted, given their weather and their turn, judged, before a deadline."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from opentelemetry.trace import Tracer

from services.ml_api.admission import Gate
from services.ml_api.deadline import Deadline
from services.ml_api.limits import LARGE_ITEMS, Limits
from services.ml_api.observed import Case, Judged, judge, look_up_weather
from services.ml_api.schemas import PredictRequest
from services.ml_api.scoring import Predictor
from services.ml_api.weather_lookup import WeatherLookup
from services.web.problems import TooSlow

# Of the time that is left: an answer without the weather must still be possible after it.
_LOOKUP_SHARE: Final = 0.8
_RETRY_AFTER_SECONDS: Final = 1


class AbandonedError(Exception):
    """Nobody waits any more; the work must leave no trace."""


class Attempt:
    """Settles once whether a piece of work counts: either it commits, or its waiter abandons it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settled = False

    def commit(self) -> None:
        """Say that what follows counts: from here on the waiter waits to the end.

        Raises:
            AbandonedError: The waiter gave up before.
        """
        if not self._settle():
            raise AbandonedError

    def abandon(self) -> bool:
        """Give up, unless the work has committed already; whether it has not."""
        return self._settle()

    def _settle(self) -> bool:
        with self._lock:
            first = not self._settled
            self._settled = True
            return first


class Desk:
    """Works off prediction requests within `limits`.

    Args:
        tracer: Makes the spans around weather and model.
        lookup: Finds the weather.
        limits: How much at once, and for how long.
        clock: Monotonic seconds.
    """

    def __init__(
        self, tracer: Tracer, lookup: WeatherLookup, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tracer = tracer
        self._lookup = lookup
        self._clock = clock
        self._calls = Gate(concurrent=limits.concurrent_calls, waiting=limits.waiting_requests)
        # One at a time: several would take the cores from the thread that exports their events, and its queue would
        # overflow.
        self._batches = Gate(concurrent=1, waiting=limits.waiting_batches)
        # One thread for every turn there is: no call waits for one.
        self._threads = ThreadPoolExecutor(limits.concurrent_calls + 1, thread_name_prefix="model")

    async def work_off(self, predictor: Predictor, requests: Sequence[PredictRequest], deadline: Deadline) -> Judged:
        """Judge each flight and record it.

        Raises:
            TooManyRequests: Too many are under way.
            TooSlow: The deadline came first; nothing was recorded.
            ModelFailed: The model raised.
        """
        large = len(requests) >= LARGE_ITEMS
        gate = self._batches if large else self._calls
        with gate.admit():
            plans = [request.features.plan() for request in requests]
            now = self._clock()
            lookup_seconds = deadline.remaining(now) * _LOOKUP_SHARE
            weathers = await look_up_weather(self._lookup, predictor, plans, self._tracer, lookup_seconds)
            queue_seconds = 0.0
            if not gate.take_free_turn():
                before = self._clock()
                await gate.wait_for_turn(deadline, now=before)
                queue_seconds = self._clock() - before
            case = Case(predictor, requests, plans, weathers, queue_seconds)
            if large or not predictor.pace.quick:
                return await self._judge_beside(case, deadline, gate)
            try:
                return self._judge_here(case, deadline)
            finally:
                gate.end_turn()

    def _judge_here(self, case: Case, deadline: Deadline) -> Judged:
        def commit() -> None:
            if deadline.passed(self._clock()):
                raise _too_slow()

        commit()
        return judge(case, self._tracer, commit)

    async def _judge_beside(self, case: Case, deadline: Deadline, gate: Gate) -> Judged:
        attempt = Attempt()
        context = contextvars.copy_context()
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, context.run, judge, case, self._tracer, attempt.commit
        )
        # The turn ends with the call, also when nobody waits for it any more.
        work.add_done_callback(lambda done: _end(done, gate))
        try:
            await asyncio.wait({work}, timeout=deadline.remaining(self._clock()))
            if not work.done() and attempt.abandon():
                raise _too_slow()
        except asyncio.CancelledError:
            attempt.abandon()
            raise
        return await work


def _end(work: "asyncio.Future[Judged]", gate: Gate) -> None:
    gate.end_turn()
    if not work.cancelled():
        # Asked for, so that asyncio does not report it as never retrieved.
        work.exception()


def _too_slow() -> TooSlow:
    return TooSlow("The prediction was not ready within its deadline.", retry_after_seconds=_RETRY_AFTER_SECONDS)
