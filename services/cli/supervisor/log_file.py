"""A process's log: appended to, rotated by size, its last lines shown when something fails."""

import itertools
from pathlib import Path


class LogFile:
    """Appends bytes to `path`; when it exceeds `max_bytes` it becomes `path.1`, and so on up to `kept` old files.

    Rotation happens between lines, so that a JSON line is never cut in two.
    """

    def __init__(self, path: Path, *, max_bytes: int = 10_000_000, kept: int = 3) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()
        self._at_line_start = True

    def write(self, data: bytes) -> None:
        """Append, rotating at the next line end once the file is full."""
        if self._size + len(data) > self._max_bytes and self._size > 0:
            end = 0 if self._at_line_start else data.find(b"\n") + 1
            if self._at_line_start or end:
                self._append(data[:end])
                self._rotate()
                data = data[end:]
        self._append(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        if data:
            self._file.write(data)
            self._size += len(data)
            self._at_line_start = data.endswith(b"\n")

    def _rotate(self) -> None:
        self._file.close()
        rotate(self.path, kept=self._kept)
        self._file = self.path.open("ab", buffering=0)
        self._size = 0
        self._at_line_start = True


def rotate(path: Path, *, kept: int) -> None:
    """Rename `path` to `path.1`, `path.1` to `path.2` and so on; the oldest one goes."""
    numbered = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, kept + 1))]
    for newer, older in reversed(list(itertools.pairwise(numbered))):
        if newer.exists():
            newer.replace(older)
    if kept == 0:
        path.unlink(missing_ok=True)


def last_lines(path: Path, count: int = 15, *, max_bytes: int = 64_000) -> list[str]:
    """Read the last lines of a log; an absent one has none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - max_bytes))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
