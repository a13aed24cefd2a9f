"""The salt that entity ids are hashed with: made once per data folder, the same for every process."""

import os
import secrets
from pathlib import Path


def ensure_entity_salt(data_dir: Path) -> None:
    """Make this data folder's salt, in a file of mode 0600, unless it has one."""
    path = _file(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(24))


def entity_salt(data_dir: Path) -> str | None:
    """Return this data folder's salt; None before it is made, or where it is not ours to read."""
    try:
        return _file(data_dir).read_text(encoding="ascii")
    except OSError:
        return None


def _file(data_dir: Path) -> Path:
    return data_dir / "secrets" / "entity.salt"
