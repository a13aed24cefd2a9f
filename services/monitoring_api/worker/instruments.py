"""What the worker measures about itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.metrics import Meter
from opentelemetry.trace import Tracer


class Instruments:
    """Spans and counters of the worker.

    Args:
        tracer: Makes a span for each round.
        meter: Makes the counters.
    """

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._evaluations = meter.create_counter("sightglass.alert.evaluations", "{rule}", "Rules looked at.")
        self._duration = meter.create_histogram("sightglass.alert.round.duration", "s", "Time one group's round took.")
        self._deliveries = meter.create_counter(
            "sightglass.alert.deliveries", "{attempt}", "Attempts at deliveries, by outcome."
        )
        self._lag = meter.create_histogram(
            "sightglass.alert.lag", "s", "From the time that a look was due to the time that it was recorded."
        )
        self._failures = meter.create_counter(
            "sightglass.alert.failures", "{failure}", "Questions without an answer, and rounds that were not recorded."
        )
        self._queue = meter.create_gauge(
            "sightglass.alert.queue", "{notification}", "Notifications that wait, by channel."
        )
        self._leads = meter.create_gauge(
            "sightglass.alert.leads", "1", "1 on the worker that evaluates and sends, 0 on one that stands by."
        )
        self._reloads = meter.create_counter("sightglass.alert.reloads", "{reload}", "Readings of changed files.")

    @contextmanager
    def round(self, group: str) -> Iterator[None]:
        """The span of one round."""
        with self._tracer.start_as_current_span("alert round", attributes={"alert.group": group}):
            yield

    def evaluated(self, group: str, rules: int, seconds: float, lag_seconds: float) -> None:
        """A round was recorded, so long after its slot."""
        self._lag.record(max(0.0, lag_seconds), {"alert.group": group})
        self._evaluations.add(rules, {"alert.group": group})
        self._duration.record(seconds, {"alert.group": group})

    def failed(self, kind: str, count: int = 1) -> None:
        """Questions had no answer, or a round could not be recorded."""
        self._failures.add(count, {"alert.failure": kind})

    def leads(self, *, leads: bool, waiting: Mapping[str, int]) -> None:
        """Whether this worker evaluates, and how many notifications wait for each channel."""
        self._leads.set(int(leads))
        for channel, count in waiting.items():
            self._queue.set(count, {"alert.channel": channel})

    def delivered(self, channel: str, outcome: str) -> None:
        """An attempt at a delivery ended."""
        self._deliveries.add(1, {"alert.channel": channel, "alert.outcome": outcome})

    def reloaded(self, *, ok: bool) -> None:
        """Changed files were read."""
        self._reloads.add(1, {"alert.ok": ok})
