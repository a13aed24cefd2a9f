"""Processes that a supervisor which died left running."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class Remnant:
    """A process group recorded by a supervisor that is gone, with members still alive."""

    name: str
    group: int
    members: tuple[int, ...]


def find_remnants(state: Mapping[str, Any]) -> list[Remnant]:
    """Find what still runs of a recorded state.

    A number alone proves nothing, for numbers are used again: the leader must have been created when the record
    says. A group keeps its number reserved while a member lives, so members without a leader are ours too, unless the
    machine was booted since.
    """
    if abs(state.get("boot_time", 0.0) - psutil.boot_time()) > 60:  # noqa: PLR2004 - clocks get adjusted a little
        return []
    groups = _groups()
    remnants = []
    for entry in [*state.get("processes", []), *state.get("steps", [])]:
        pid, create_time = entry.get("pid"), entry.get("create_time")
        members = groups.get(pid, []) if pid else []
        if not members or (pid in members and not _is_same(pid, create_time)):
            continue
        remnants.append(Remnant(entry.get("name", "?"), pid, tuple(members)))
    return remnants


def end_remnants(remnants: Iterable[Remnant], *, grace_seconds: float = 10.0) -> None:
    """Ask them to stop, then kill what is left."""
    left = list(remnants)
    for remnant in left:
        _signal(remnant, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = _groups()
        left = [remnant for remnant in left if groups.get(remnant.group)]
    for remnant in left:
        _signal(remnant, signal.SIGKILL)


def _signal(remnant: Remnant, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(remnant.group, number)


def _is_same(pid: int, create_time: float | None) -> bool:
    with contextlib.suppress(psutil.Error):
        return create_time is not None and abs(psutil.Process(pid).create_time() - create_time) < 1
    return False


def _groups() -> dict[int, list[int]]:
    """Living processes by process group; a zombie is not living."""
    groups: dict[int, list[int]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE:
                groups.setdefault(os.getpgid(process.pid), []).append(process.pid)
    return groups
