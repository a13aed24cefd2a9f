"""The password of a ClickHouse user, out of its file."""

from pathlib import Path


class PasswordFileError(Exception):
    """The file gives no password; the text names it."""


def read_password(path: Path) -> str:
    """The password, without the space around it.

    Raises:
        PasswordFileError: The file is not there, can't be read, or is empty: nobody logs in without a password.
    """
    try:
        password = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = f"can't be read ({error.strerror})"
    except UnicodeDecodeError:
        reason = "is not UTF-8"
    else:
        if password:
            return password
        reason = "is empty"
    raise PasswordFileError(
        f"{path}, the file with ClickHouse's password, {reason}; `sightglass up` makes it, or name another with "
        "*_CLICKHOUSE_PASSWORD_FILE."
    )
