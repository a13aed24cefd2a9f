"""The secret that entity ids are hashed with, out of a variable or out of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

ENTITY_SALT_VARIABLE: Final = "SIGHTGLASS_ENTITY_SALT"
ENTITY_SALT_FILE_VARIABLE: Final = "SIGHTGLASS_ENTITY_SALT_FILE"


def read_entity_salt(environ: Mapping[str, str]) -> str:
    """The salt; empty where none is set.

    A file is read as a shell's `$(cat FILE)` reads it, so that both ways give the same hashes.

    Raises:
        ValueError: What is set can't be used; the text names the variable and the file, never a salt.
    """
    given, name = environ.get(ENTITY_SALT_VARIABLE), environ.get(ENTITY_SALT_FILE_VARIABLE)
    if given is not None and name is not None:
        raise ValueError(f"{ENTITY_SALT_VARIABLE} and {ENTITY_SALT_FILE_VARIABLE} are both set: remove one of them")
    if name is not None:
        return _in_file(name.strip())
    if given is not None and not given.strip():
        # What a failed command leaves, as in `SIGHTGLASS_ENTITY_SALT="$(cat FILE)"`.
        raise ValueError(f"{ENTITY_SALT_VARIABLE} is set, but empty: give it a secret, or remove it")
    return given or ""


def _in_file(name: str) -> str:
    if not name:
        raise ValueError(f"{ENTITY_SALT_FILE_VARIABLE} is set, but names no file: name one, or remove it")
    try:
        salt = Path(name).read_bytes().decode().rstrip("\n")
    except OSError as error:
        raise ValueError(f"{ENTITY_SALT_FILE_VARIABLE}={name} can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{ENTITY_SALT_FILE_VARIABLE}={name} is not UTF-8") from None
    if not salt.strip():
        raise ValueError(f"{ENTITY_SALT_FILE_VARIABLE}={name} is empty")
    return salt
