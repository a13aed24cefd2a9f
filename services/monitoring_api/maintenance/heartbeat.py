"""The sign of life that the supervisor looks for."""

import json
import os
from pathlib import Path


def write_heartbeat(data_dir: Path, name: str, now: float) -> None:
    """Write ``<data_dir>/run/<name>.heartbeat`` so that a reader sees the old one or the new one, never half of one.

    Args:
        data_dir: The folder that holds all state.
        name: The process.
        now: The time in epoch seconds.
    """
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder / f".{name}.heartbeat.{os.getpid()}"
    unfinished.write_text(json.dumps({"at": now, "pid": os.getpid()}), encoding="utf-8")
    unfinished.replace(folder / f"{name}.heartbeat")
