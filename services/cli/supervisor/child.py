"""One running process: started in a group of its own, its output written to a log, its whole group ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from services.cli.supervisor import launch
from services.cli.supervisor.log_file import LogFile

_LAUNCHER = str(Path(launch.__file__).resolve())


class Child:
    """A process that this one started."""

    def __init__(self, process: asyncio.subprocess.Process, log: LogFile) -> None:
        self._process = process
        self.pid = process.pid
        self.create_time = _create_time(process.pid)
        self._pump = asyncio.create_task(_pump(process, log))

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str], log: LogFile) -> "Child":
        """Start `command` as the leader of a new session, so that one signal reaches all that it starts in turn."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )  # fmt: skip
        return cls(process, log)

    async def wait(self) -> int:
        """Wait until the process ends: its exit code, or the negative number of the signal that ended it."""
        return await self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.returncode is not None

    async def stop(self, timeout_seconds: float) -> int:
        """Ask it to stop, wait, then kill whatever is left of its group.

        Returns:
            Its exit code.
        """
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), timeout_seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            # A grandchild that left the group may hold the pipe; its output is not worth waiting for.
            await asyncio.wait_for(self._pump, 2)
        return code


async def _pump(process: asyncio.subprocess.Process, log: LogFile) -> None:
    """Copy the output to the log until nobody can write to it any more."""
    assert process.stdout is not None  # noqa: S101 - opened as a pipe above
    while data := await process.stdout.read(65_536):
        # A full disk must not end the process that the log is about.
        with contextlib.suppress(OSError):
            log.write(data)


def _create_time(pid: int) -> float | None:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return None


def describe_exit(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
