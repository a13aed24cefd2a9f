"""What the maintenance process tells of itself: a span for each pass that did something, and counters."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import time_ns

from opentelemetry.metrics import Meter
from opentelemetry.trace import Status, StatusCode, Tracer

from services.monitoring_api.maintenance.recompute import Pass


class Instruments:
    """Spans and counters of what is done.

    Args:
        tracer: Makes the spans.
        meter: Makes the counters.
    """

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._buckets = meter.create_counter("sightglass.rollup.buckets", unit="{bucket}")
        self._too_late = meter.create_counter("sightglass.rollup.too_late", unit="{mark}")
        self._dropped = meter.create_counter("sightglass.disk.dropped_days", unit="{day}")
        self._kept = meter.create_counter("sightglass.traces.kept", unit="{trace}")
        self._judged = meter.create_counter("sightglass.traces.judged", unit="{trace}")

    @contextmanager
    def passing(self, kind: str) -> Iterator[Callable[[Pass], None]]:
        """Around a pass; what it did goes to the function that is given. A pass without work leaves no span."""
        started = time_ns()
        done: list[Pass] = []
        try:
            yield done.append
        except Exception as error:
            span = self._tracer.start_span(f"recompute {kind}", start_time=started)
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            span.end()
            raise
        for each in done:
            if each.marks:
                span = self._tracer.start_span(
                    f"recompute {kind}",
                    start_time=started,
                    attributes={"sightglass.rollup.buckets": each.buckets, "sightglass.rollup.marks": each.marks},
                )
                span.end()
                self._buckets.add(each.buckets, {"kind": kind})
                self._too_late.add(each.too_late, {"kind": kind})

    def dropped(self, table: str) -> None:
        """A day of a raw table was dropped, for the disk was filling."""
        self._dropped.add(1, {"table": table})

    def kept(self, traces: int) -> None:
        """Traces were copied before retention takes their raw spans."""
        if traces:
            self._kept.add(traces)

    def judged(self, *, wrong: int, right: int) -> None:
        """Labels came for traces that waited for them: some are kept from now on, some were let go."""
        for verdict, traces in (("wrong", wrong), ("right", right)):
            if traces:
                self._judged.add(traces, {"verdict": verdict})
