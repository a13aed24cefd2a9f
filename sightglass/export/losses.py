"""What became of what was handed over: `flush()` tells its caller, the tallies tell the pipeline."""

import threading
from typing import Final, Literal, NamedTuple

from sightglass import attributes
from sightglass.tallies import Tallies

Signal = Literal["spans", "logs", "metrics"]

_REFUSALS: Final = frozenset({"400", "413", "422", "INVALID_ARGUMENT"})
_COMPONENTS: Final = {"spans": "batching_span_processor", "logs": "batching_log_processor"}


class Outcome(NamedTuple):
    """What became of one export.

    Args:
        delivered: Whether the receiver took it, or said for good what of it it does not take.
        lost: Items that will not be tried again.
        reason: Why: an HTTP or gRPC status, `partial_success`, or the name of an error.
        retries: Attempts after the first.
    """

    delivered: bool
    lost: int = 0
    reason: str = ""
    retries: int = 0

    @property
    def refused(self) -> bool:
        """Whether the receiver said that it will never take this, whenever it is sent again.

        All else can pass: an outage, a lack of rights that is mended, also 404 and UNIMPLEMENTED, which are what stands
        in front of a receiver that is being replaced.
        """
        return not self.delivered and self.reason in _REFUSALS


class LossRecord:
    """Counts drops, failures and retries of one process.

    Args:
        tallies: Where they are counted.
    """

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies
        self.reset()

    def reset(self) -> None:
        """Forget everything, with a new lock: what a forked child needs."""
        self._lock = threading.Lock()
        self._lost = 0
        self._sdk_drops = 0
        self._told = 0
        self.metrics_arrived = True

    def exported(self, signal: Signal, outcome: Outcome) -> None:
        """An export of spans or log records ended."""
        self.retried(signal, outcome.retries)
        if outcome.lost:
            self._failed(signal, outcome.reason, outcome.lost)
            with self._lock:
                self._lost += outcome.lost

    def collected(self, outcome: Outcome) -> None:
        """An export of metrics ended. Cumulative counts come again: only the last export matters."""
        self.retried("metrics", outcome.retries)
        self.metrics_arrived = outcome.delivered and not outcome.lost
        if not self.metrics_arrived:
            self._failed("metrics", outcome.reason, 1)

    def retried(self, signal: Signal, count: int) -> None:
        """An export was tried again."""
        if count:
            self._tallies.retries.add(((attributes.SIGNAL, signal),), count)

    def dropped(self, signal: Signal, reason: str, count: int = 1) -> None:
        """A queue dropped items."""
        with self._lock:
            self._lost += count
        self._processed(signal, (("error.type", reason),), count)

    def processed(self, signal: Signal, count: int) -> None:
        """A queue handed items to its exporter."""
        self._processed(signal, (), count)

    def spool_failed(self, reason: str) -> None:
        """A spool could not write, read or delete, which alone is no loss."""
        self._tallies.spool_errors.add((("error.type", reason),))

    def sdk_drops_so_far(self, count: int) -> None:
        """The SDK's own count of items that its processors dropped, where they are used."""
        with self._lock:
            self._sdk_drops = max(self._sdk_drops, count)

    def take(self) -> int:
        """Spans and log records lost since the last call."""
        with self._lock:
            lost = self._lost + self._sdk_drops - self._told
            self._told += lost
            return lost

    def _failed(self, signal: Signal, reason: str, items: int) -> None:
        self._tallies.failed_exports.add(((attributes.SIGNAL, signal), ("error.type", reason or "unknown")), items)

    def _processed(self, signal: Signal, extra: tuple[tuple[str, str], ...], count: int) -> None:
        tally = self._tallies.spans_processed if signal == "spans" else self._tallies.logs_processed
        component = _COMPONENTS[signal]
        key = (("otel.component.name", f"{component}/0"), ("otel.component.type", component), *extra)
        tally.add(key, count)
