"""What the worker measures about itself."""

from collections.abc import Iterator
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
        self._reloads = meter.create_counter("sightglass.alert.reloads", "{reload}", "Readings of changed files.")

    @contextmanager
    def round(self, group: str) -> Iterator[None]:
        """The span of one round."""
        with self._tracer.start_as_current_span("alert round", attributes={"alert.group": group}):
            yield

    def evaluated(self, group: str, rules: int, seconds: float) -> None:
        """A round was recorded."""
        self._evaluations.add(rules, {"alert.group": group})
        self._duration.record(seconds, {"alert.group": group})

    def delivered(self, channel: str, outcome: str) -> None:
        """An attempt at a delivery ended."""
        self._deliveries.add(1, {"alert.channel": channel, "alert.outcome": outcome})

    def reloaded(self, *, ok: bool) -> None:
        """Changed files were read."""
        self._reloads.add(1, {"alert.ok": ok})
