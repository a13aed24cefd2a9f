"""Files of secrets that are made where there is none."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def keep_new_secret(path: Path, secret: str) -> bool:
    """Keep a secret in a file of mode 0600, as it is and without a line end, unless there is one; whether it was kept.

    Nobody ever meets the file without its secret, and of those who make it at once one wins.

    Raises:
        OSError: It can't be kept.
    """
    if os.path.lexists(path):  # also where the folder is not ours to write
        return False
    # Such a file has mode 0600.
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", encoding="ascii") as file:
        file.write(secret)
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            return False
    return True
