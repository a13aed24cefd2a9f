"""The supervisor's end of the reaper: tells it which process groups must not outlive the supervisor."""

import subprocess
import sys
from pathlib import Path

from services.cli.supervisor import reaper

_PROGRAM = str(Path(reaper.__file__).resolve())


class ReaperLink:
    """Starts the reaper, keeps its list up to date, starts it again should somebody kill it."""

    def __init__(self, *, grace_seconds: float = 8.0) -> None:
        self._grace_seconds = grace_seconds
        self._groups: list[int] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the reaper in a session of its own, so that nothing meant for the supervisor reaches it."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _PROGRAM, str(self._grace_seconds)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for group in self._groups:
            self._write(f"+{group}")

    def add(self, group: int) -> None:
        """Put a process group on the list."""
        self._groups.append(group)
        self._write(f"+{group}")

    def remove(self, group: int) -> None:
        """Take a group that has ended off the list."""
        if group in self._groups:
            self._groups.remove(group)
            self._write(f"-{group}")

    def close(self) -> None:
        """End the reaper; what is still on its list goes first."""
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _write(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except OSError:
            # It was killed. The new one gets the whole list.
            self._process.wait()
            self.start()
