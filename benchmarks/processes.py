"""Waiting for measured processes, ending them, and their CPU time and memory."""

import contextlib
import os
import subprocess
import time

import httpx
import psutil

_PATIENCE_SECONDS = 60.0
_END_SECONDS = 20.0


def wait_answer(url: str, method: str = "GET") -> None:
    """Poll until `url` answers 200.

    Raises:
        RuntimeError: it did not within a minute.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if httpx.request(method, url).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.1)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Terminate a process of ours, and kill it where that does not help."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process so far, all its threads included."""
    times = process.cpu_times()
    return float(times.user + times.system)


def family_cpu_seconds(leader: int) -> float:
    """CPU time so far of a session's processes and all that descend from its leader, ended children included.

    The kernel's clock of each process is read, which is exact to the nanosecond; `/proc` has hundredths of a second,
    which are good enough for children that have ended.
    """
    total = 0.0
    for process in _family(leader):
        with contextlib.suppress(OSError, psutil.Error):
            # CPUCLOCK_SCHED of another process: see clock_getcpuclockid(3).
            total += time.clock_gettime((~process.pid) << 3 | 2)
            ended = process.cpu_times()
            total += float(ended.children_user + ended.children_system)
    return total


def family_rss_bytes(leader: int) -> int:
    """Resident memory now of a session's processes and all that descend from its leader."""
    total = 0
    for process in _family(leader):
        with contextlib.suppress(psutil.Error):
            total += int(process.memory_info().rss)
    return total


def _family(leader: int) -> set[psutil.Process]:
    """By descent and by session: a helper may leave one of them, hardly both."""
    found = {psutil.Process(leader), *psutil.Process(leader).children(recursive=True)}
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) == leader:
                found.add(psutil.Process(pid))
    return found
