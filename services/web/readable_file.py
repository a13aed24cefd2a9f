"""A setting that names a file which must be there to be read."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def readable(path: Path) -> Path:
    """The path itself, of a file that this process can read.

    Raises:
        ValueError: It can't.
    """
    try:
        # Opened without waiting: it may be a pipe.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        raise ValueError(f"the file {path} can't be read: {error.strerror}") from None
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    return path


ReadableFile = Annotated[Path, AfterValidator(readable)]
