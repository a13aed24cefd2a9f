"""How far a file has been loaded, remembered from one call to the next."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sightglass.labels.options import LoadOptions

_BLOCK_BYTES: Final = 1 << 20
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file has been loaded.

    Args:
        rows: Rows of the file that are done: accepted by the receiver, or left out.
        sent: Those accepted by the receiver.
        total: Rows of the file.
        bad: Rows of the file that are no labels.
    """

    rows: int
    sent: int
    total: int
    bad: int


class PositionStore:
    """One small file per load that has not ended.

    Args:
        folder: Where they lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path:
        """The file of one load."""
        return self._folder / f"{key}.json"

    def read(self, key: str) -> Position | None:
        """What is remembered; None when nothing, or nothing that makes sense."""
        try:
            held = json.loads(self.path(key).read_bytes())
            if held["format"] != _FORMAT:
                return None
            position = Position(*(int(held[name]) for name in ("rows", "sent", "total", "bad")))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return position if 0 <= position.sent <= position.rows <= position.total else None

    def write(self, key: str, position: Position, file: Path) -> None:
        """Remember a position, whole or not at all.

        Raises:
            OSError: It cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = {"format": _FORMAT, "file": str(file.absolute()), "saved_at": time.time(), **asdict(position)}
        new = self.path(f"{key}.{os.getpid()}").with_suffix(".new")
        try:
            new.write_text(json.dumps(held), encoding="utf-8", errors="backslashreplace")
            new.replace(self.path(key))
        finally:
            new.unlink(missing_ok=True)

    def forget(self, key: str) -> None:
        """Remember nothing of this load any more."""
        try:
            self.path(key).unlink(missing_ok=True)
        except OSError:  # what cannot be written could not be remembered either
            return


def state_folder(environment: Mapping[str, str]) -> Path:
    """The user's folder for state (XDG Base Directory Specification), ours in it."""
    given = Path(environment.get("XDG_STATE_HOME", ""))
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises without a home
    return (given if given.is_absolute() else home / ".local" / "state") / "sightglass" / "labels"


def fingerprint(file: Path, *, progress: Callable[[int], None]) -> str:
    """A digest of the whole content: reading is a thousand times faster than sending.

    Args:
        file: The file.
        progress: Is told the bytes read so far.
    """
    digest = hashlib.blake2b(digest_size=16)
    read = 0
    with file.open("rb") as content:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
            read += len(block)
            progress(read)
    return digest.hexdigest()


def load_key(content: str, options: LoadOptions, endpoint: str) -> str:
    """The name of a load: the same content, read the same way, sent to the same place.

    Args:
        content: Digest of the content.
        options: How it is read.
        endpoint: Where it is sent.
    """
    parts = [content, options.columns, options.delimiter, options.as_text, endpoint]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
