"""What a person who waits for the start is told."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_SILENT = {"waiting"}
_EXPLAINED = {"restarting", "failed"}


class Progress:
    """Tells each change of state once, the lines of a running step, and after a silence what is waited for.

    Args:
        tell: called with each line.
        silence_seconds: after this long without a line it says what is waited for.
        now: a monotonic clock.
    """

    def __init__(
        self, tell: Callable[[str], None], *, silence_seconds: float = 10.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._silence_seconds = silence_seconds
        self._now = now
        self._states: dict[str, str] = {}
        self._read: dict[str, int] = {}
        self._began = self._spoke_at = now()

    def follow(self, state: Mapping[str, Any]) -> None:
        """Tell what is new in a state."""
        steps, processes = state.get("steps", []), state.get("processes", [])
        for entry in steps:
            if self._states.get(entry["name"]) == "starting" or entry["state"] == "starting":
                self._follow_log(entry)
        for entry in [*steps, *processes]:
            if entry["state"] not in {*_SILENT, self._states.get(entry["name"])}:
                self._states[entry["name"]] = entry["state"]
                self._say(_line(entry))
        if self._now() - self._spoke_at > self._silence_seconds:
            waited = [entry for entry in [*steps, *processes] if entry["state"] == "starting"]
            names = ", ".join(
                f"{entry['name']} ({entry['detail']})" if entry["detail"] else entry["name"] for entry in waited
            )
            self._say(f"  after {self._now() - self._began:.0f} s waiting for {names or 'the supervisor'}")

    def _follow_log(self, entry: Mapping[str, Any]) -> None:
        """Tell the lines that a step has written since the last look."""
        path = Path(entry["log"])
        size = path.stat().st_size if path.exists() else 0
        began = self._read.setdefault(entry["name"], size)
        if size <= began:
            return
        with path.open("rb") as file:
            file.seek(began)
            new = file.read(size - began)
        whole = new[: new.rfind(b"\n") + 1]
        self._read[entry["name"]] = began + len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._say(f"    {entry['name']}: {line}")

    def _say(self, line: str) -> None:
        self._spoke_at = self._now()
        self._tell(line)


def _line(entry: Mapping[str, Any]) -> str:
    where = f" (port {entry['port']})" if entry.get("port") and entry["state"] == "up" else ""
    detail = f": {entry['detail']}" if entry.get("detail") and entry["state"] in _EXPLAINED else ""
    return f"  {entry['name']:<16} {entry['state']}{where}{detail}"
