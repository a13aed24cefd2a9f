"""Waiting for a measured process, and its CPU time."""

import time

import httpx
import psutil

_PATIENCE_SECONDS = 60.0


def wait_answer(url: str) -> None:
    """Poll until `url` answers 200.

    Raises:
        RuntimeError: it did not within a minute.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.1)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process so far, all its threads included."""
    times = process.cpu_times()
    return float(times.user + times.system)
