"""The supervisor's own log: JSON lines, its standard streams too, rotated like the others."""

import os
from collections.abc import Callable
from pathlib import Path

import sightglass
from services.cli.supervisor.log_file import rotate


def start_own_log(path: Path, *, max_bytes: int, kept: int) -> Callable[[], None]:
    """Point standard output and error at `path` and log there.

    Returns:
        Called now and then, it rotates the file when it is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _point_streams_at(path)
    sightglass.configure_logging("supervisor")

    def rotate_if_full() -> None:
        if path.exists() and path.stat().st_size > max_bytes:
            rotate(path, kept=kept)
            _point_streams_at(path)

    return rotate_if_full


def _point_streams_at(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
