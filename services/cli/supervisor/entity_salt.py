"""The salt that entity ids are hashed with: made once per data folder, the same for every process."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from services.cli.supervisor.units import PlanError
from sightglass.entity_salt import ENTITY_SALT_FILE_VARIABLE, ENTITY_SALT_VARIABLE, read_entity_salt
from sightglass.new_secret import keep_new_secret


def ensure_entity_salt(data_dir: Path) -> None:
    """Make this data folder's salt, in a file of mode 0600, unless it has one.

    Raises:
        PlanError: it can't be made.
    """
    path = _file(data_dir)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep_new_secret(path, secrets.token_hex(24))
    except OSError as error:
        raise PlanError(f"the salt of entity ids can't be kept in {path} ({error.strerror})") from None


def salt_variable(data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Name this data folder's salt for the processes, unless the user has set one.

    Args:
        data_dir: the data folder.
        given: what the user has set.
    """
    if ENTITY_SALT_VARIABLE in given or ENTITY_SALT_FILE_VARIABLE in given:
        return {}
    return {ENTITY_SALT_FILE_VARIABLE: str(_file(data_dir))}


def salt_problem(data_dir: Path, given: Mapping[str, str]) -> str:
    """What is wrong with the data folder's own salt; empty where it is good, not made yet, or not used."""
    named = salt_variable(data_dir, given)
    if not named or not os.path.lexists(_file(data_dir)):
        return ""
    try:
        read_entity_salt(named)
    except ValueError as error:
        return f"{error}; put the salt back that the ids so far were hashed with, or delete the file to get a new one"
    return ""


def _file(data_dir: Path) -> Path:
    return data_dir / "secrets" / "entity.salt"
