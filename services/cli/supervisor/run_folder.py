"""What a supervisor leaves in `<data folder>/run`: its lock, its process id, its state."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A `status` that looks at the lock holds it for an instant; a starting supervisor waits that long.
_LOCK_PATIENCE_SECONDS = 1.0


class AlreadyRunningError(RuntimeError):
    """Another supervisor owns this data folder."""


class RunFolder:
    """The files by which `up`, `down` and `status` find the supervisor of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "run"
        self._lock_path = self.path / "supervisor.lock"
        self._pid_path = self.path / "supervisor.pid"
        self._state_path = self.path / "state.json"

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Hold the folder for the time of the block. The kernel lets go of the lock when the owner dies, however.

        Raises:
            AlreadyRunningError: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self._lock_path.open("a") as lock:
            deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
            while not _take(lock.fileno(), fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise AlreadyRunningError(f"another supervisor (process {self.pid()}) runs on {self.path.parent}")
                time.sleep(0.02)
            write_whole(self._pid_path, f"{os.getpid()}\n")
            try:
                yield
            finally:
                self._pid_path.unlink(missing_ok=True)

    def is_owned(self) -> bool:
        """Whether a supervisor lives on this folder."""
        try:
            with self._lock_path.open() as lock:
                return not _take(lock.fileno(), fcntl.LOCK_SH)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def pid(self) -> int | None:
        """The supervisor's process id, as it wrote it."""
        try:
            return int(self._pid_path.read_text(encoding="ascii"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state as a whole: a reader sees the old one or the new one."""
        write_whole(self._state_path, json.dumps(state, indent=1))

    def read_state(self) -> dict[str, Any]:
        """The last state written; empty when there is none."""
        try:
            state = json.loads(self._state_path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}


def write_whole(path: Path, text: str) -> None:
    """Write a file, for its owner only, so that nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
