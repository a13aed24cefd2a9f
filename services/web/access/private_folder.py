"""Folders for what is nobody else's business."""

from pathlib import Path
from typing import Final

_MODE: Final = 0o700


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only; one that is there stays as it is."""
    if not folder.exists():
        make_private_folder(folder.parent)
        folder.mkdir(mode=_MODE, exist_ok=True)
