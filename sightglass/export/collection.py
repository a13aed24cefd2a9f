"""The clock of the metrics: freezes the tallies, then collects and exports."""

import os
import threading
from typing import Final

from opentelemetry.sdk.metrics import MeterProvider

from sightglass.forking import call_in_forked_child
from sightglass.tallies import Tallies

_INTERVAL_SECONDS: Final = 5.0


def metric_interval_seconds() -> float:
    """Time between collections: OTEL_METRIC_EXPORT_INTERVAL, in milliseconds there."""
    try:
        seconds = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")) / 1_000
    except ValueError:
        return _INTERVAL_SECONDS
    return seconds if seconds > 0 else _INTERVAL_SECONDS


class Collection:
    """Collects every few seconds, and whenever it is asked to.

    The SDK's own reader has such a clock, but no place before it takes its lock: freezing takes a fiftieth of a second,
    and a process that is forked meanwhile would find that lock held for ever.

    Args:
        provider: Collects and exports in `force_flush`; its reader must not do so by itself.
        tallies: What is frozen before.
        interval_seconds: Time between collections.
    """

    def __init__(self, provider: MeterProvider, tallies: Tallies, interval_seconds: float) -> None:
        self._provider = provider
        self._tallies = tallies
        self._interval_seconds = interval_seconds
        self._start()
        call_in_forked_child(self._start)

    def _start(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="sightglass-metrics", daemon=True).start()

    def collect(self) -> bool:
        """Collect and export now; each export has the counts of its own moment."""
        with self._one_at_a_time:
            self._tallies.freeze()
            return self._provider.force_flush()

    def stop(self) -> None:
        """Collect no more."""
        self._stopped.set()

    def _run(self) -> None:
        stopped = self._stopped
        while not stopped.wait(self._interval_seconds):
            try:
                self.collect()
            except Exception:  # noqa: S112  # the next collection says all that this one would have
                continue
