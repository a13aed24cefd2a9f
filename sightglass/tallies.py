"""Plain counts of what was handed over, frozen at one moment and exported with it.

Completeness compares a count with the rows stored until the same moment, so all counts are of one moment, which is
exported beside them. Counting is an addition under a lock, a tenth of what `Counter.add` costs.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from sightglass import attributes

Key = tuple[tuple[str, str | bool | int], ...]

# A caller's free text must not fill the memory. The SDK's own limit, 2,000, forgets what came before it.
_MAX_SETS: Final = 1_000
_OVERFLOW: Final[Key] = (("otel.metric.overflow", True),)
# Between a span's end and its being counted lie microseconds, or a thread switch or two on a busy machine.
_SETTLE_SECONDS: Final = 0.02


class Tally:
    """Counts by attribute set. Thread-safe.

    Args:
        common: Attributes that every count carries.
        always: Report a zero before the first count, so that the first increase is visible as one.
    """

    def __init__(self, common: Mapping[str, str | bool], *, always: bool = False) -> None:
        self._common = dict(common)
        self._always = always
        self.reset()

    def reset(self) -> None:
        """Start from zero with a new lock: what a forked child needs."""
        self._lock = threading.Lock()
        self._counts: Counter[Key] = Counter()
        if self._always:
            self._counts[()] = 0
        self._later: Counter[Key] = Counter()
        self._cut: int | None = None
        self._frozen: dict[Key, int] = dict(self._counts)

    def add(self, key: Key = (), amount: int = 1, *, at_ns: int = 0) -> None:
        """Count `amount` under the attributes `key`.

        Args:
            key: Attributes, in a fixed order.
            amount: How many.
            at_ns: The row's own time; one after the moment of a freeze in progress counts for the next.
        """
        with self._lock:
            counts = self._counts if self._cut is None or at_ns <= self._cut else self._later
            if key not in self._counts and len(self._counts) + len(self._later) >= _MAX_SETS:
                key = _OVERFLOW
            counts[key] += amount

    def cut(self, at_ns: int) -> None:
        """Begin a freeze: keep apart what is of later than `at_ns`."""
        with self._lock:
            self._cut = at_ns

    def freeze(self) -> None:
        """End a freeze: what is reported is what there was until the cut."""
        with self._lock:
            self._frozen = dict(self._counts)
            self._counts.update(self._later)
            self._later.clear()
            self._cut = None

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Callback of an observable counter: the counts of the last freeze."""
        with self._lock:
            counts = list(self._frozen.items())
        return [Observation(count, {**self._common, **dict(key)}) for key, count in counts]


class Tallies:
    """All counts of one process.

    Args:
        replayed: Mark the counts as those of rows with past timestamps.
    """

    def __init__(self, *, replayed: bool = False) -> None:
        common: dict[str, str | bool] = {attributes.REPLAYED: True} if replayed else {}
        self.spans = Tally(common, always=True)
        self.cut_spans = Tally(common)
        self.predictions = Tally(common)
        self.labels = Tally(common)
        self.failed_exports = Tally(common)
        self.retries = Tally(common)
        self.spool_errors = Tally({})
        # Named as the SDK's own, which knows no replays.
        self.spans_processed = Tally({})
        self.logs_processed = Tally({})
        self._all = (
            self.spans,
            self.cut_spans,
            self.predictions,
            self.labels,
            self.failed_exports,
            self.retries,
            self.spool_errors,
            self.spans_processed,
            self.logs_processed,
        )
        self.reset()

    def reset(self) -> None:
        """Start from zero, in a forked child."""
        for tally in self._all:
            tally.reset()
        self.ended = False
        self._started = time.monotonic()
        self._frozen_at_ns = time.time_ns()

    def freeze(self) -> None:
        """Fix what the next export says: all that happened until now, and this moment. Takes a fiftieth of a second."""
        moment = time.time_ns()
        for tally in self._all:
            tally.cut(moment)
        time.sleep(_SETTLE_SECONDS)
        for tally in self._all:
            tally.freeze()
        self._frozen_at_ns = moment

    def register(self, meter: Meter) -> None:
        """Create the instruments that report these counts."""
        for name, tally, unit in (
            (attributes.SPAN_COUNT_METRIC, self.spans, "{span}"),
            (attributes.CUT_SPANS_METRIC, self.cut_spans, "{span}"),
            (attributes.PREDICTION_COUNT_METRIC, self.predictions, "{prediction}"),
            (attributes.LABEL_COUNT_METRIC, self.labels, "{label}"),
            (attributes.FAILED_EXPORT_METRIC, self.failed_exports, "{item}"),
            (attributes.EXPORT_RETRIES_METRIC, self.retries, "{retry}"),
            (attributes.SPOOL_ERRORS_METRIC, self.spool_errors, "{error}"),
            (attributes.SDK_SPANS_PROCESSED_METRIC, self.spans_processed, "{span}"),
            (attributes.SDK_LOGS_PROCESSED_METRIC, self.logs_processed, "{log_record}"),
        ):
            meter.create_observable_counter(name, callbacks=[tally.observe], unit=unit)
        meter.create_observable_gauge(attributes.HEARTBEAT_METRIC, callbacks=[self._uptime], unit="s")
        # A batch job that is done must not look like a service that fell silent.
        meter.create_observable_gauge(attributes.ENDED_METRIC, callbacks=[self._ended], unit="1")
        # Stores may cut a point's own time to the second; comparing counts with rows needs the moment itself.
        meter.create_observable_gauge(attributes.EXPORT_TIME_METRIC, callbacks=[self._moment], unit="s")

    def _moment(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self._frozen_at_ns / 1e9)]

    def _ended(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(1)] if self.ended else []

    def _uptime(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(time.monotonic() - self._started)]


class SpanTally(SpanProcessor):
    """Counts the sampled spans that end in this process, before any queue can drop them."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def on_end(self, span: ReadableSpan) -> None:
        """Count one span if it will be exported."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._tally.add(at_ns=span.end_time or 0)


class CutSpans:
    """Counts the spans with an attribute that was cut to the limit on its length, which nothing else tells.

    Args:
        tally: Where they are counted.
        longest: The limit, in characters; None where there is none.
    """

    def __init__(self, tally: Tally, longest: int | None) -> None:
        self._tally = tally
        self.longest = sys.maxsize if longest is None else longest

    def look_at(self, span: ReadableSpan) -> None:
        """Count one span if it is one of them."""
        values = (span.attributes or {}).values()
        if any(isinstance(value, str) and len(value) == self.longest for value in values):
            self._tally.add(at_ns=span.end_time or 0)
