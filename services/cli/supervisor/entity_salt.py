"""The salt that entity ids are hashed with: made once per data folder, the same for every process."""

import os
import secrets
from pathlib import Path


def entity_salt(data_dir: Path) -> str:
    """Return this data folder's salt; the first call makes it, in a file of mode 0600."""
    path = data_dir / "secrets" / "entity.salt"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    salt = secrets.token_hex(24)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(salt)
    return salt
