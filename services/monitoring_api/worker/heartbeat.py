"""The sign of life that the supervisor looks for."""

import json
import os
from pathlib import Path


def write_heartbeat(data_dir: Path, name: str, now: float) -> None:
    """Write `<data_dir>/run/<name>.heartbeat` atomically."""
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pending = folder / f".{name}.heartbeat.{os.getpid()}"
    pending.write_text(json.dumps({"at": now, "pid": os.getpid()}), encoding="utf-8")
    pending.replace(folder / f"{name}.heartbeat")
