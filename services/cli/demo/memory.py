"""The peak memory of everything that runs, sampled while it runs."""

import threading
from collections.abc import Callable, Iterable
from typing import Self

import psutil


class PeakMemory:
    """Samples the proportional memory (PSS) of some process trees once a second, and keeps the highest sum.

    Args:
        pids: returns the roots of the trees, asked anew for each sample.
        interval_seconds: time between samples.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], *, interval_seconds: float = 1.0) -> None:
        self._pids = pids
        self._interval_seconds = interval_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="peak-memory", daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the sampling; safe to call twice."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, proportional_bytes(self._pids()))
            if self._stopped.wait(self._interval_seconds):
                return


def proportional_bytes(pids: Iterable[int]) -> int:
    """Return the summed PSS of these processes and their descendants in bytes; shared pages count once."""
    seen: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            root = psutil.Process(pid)
            seen.update({process.pid: process for process in (root, *root.children(recursive=True))})
        except psutil.Error:
            continue
    total = 0
    for process in seen.values():
        try:
            total += process.memory_full_info().pss
        except (psutil.Error, AttributeError):
            continue
    return total
