"""For settings that name a file which must be there to be read."""

import os
from pathlib import Path


def readable(path: Path | None) -> Path | None:
    """The path itself, of a file that this process can read; None where none is named.

    Raises:
        ValueError: It can't.
    """
    if path is None:
        return None
    try:
        # Opened without waiting: it may be a pipe.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        raise ValueError(f"the file {path} can't be read: {error.strerror}") from None
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    return path


def secret_file(path: Path | None) -> Path | None:
    """As `readable`, of a file that holds a secret: an empty one is as wrong as none.

    Raises:
        ValueError: It can't be read, or is empty.
    """
    if readable(path) is None or path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the file {path} can't be read: {error.strerror}") from None
    if not content.strip():
        raise ValueError(f"the file {path} is empty")
    return path
