"""The four users and their passwords."""

import hmac
import secrets
import stat
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

from services.embedded_clickhouse.errors import ClickHouseError
from sightglass.new_secret import keep_new_secret

USERS = ("collector", "reader", "maintainer", "migrator")


class PasswordFileError(Exception):
    """A password can't be read or kept; the text names its file."""


def password_file(data_dir: Path, user: str) -> Path:
    """Where a user's password lies."""
    return data_dir / "secrets" / f"clickhouse-{user}.password"


def ensure_passwords(data_dir: Path) -> Mapping[str, str]:
    """Read every user's password, making those that do not exist yet.

    Each is a file of mode 0600; a password begins with a letter and is safe in YAML and in URLs.

    Raises:
        PasswordFileError: One can't be read or kept, or is empty.
    """
    folder = data_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {user: _ensure_password(password_file(data_dir, user)) for user in USERS}


def _ensure_password(path: Path) -> str:
    try:
        # Without a line end: the Collector takes the file's content as the password, as it is.
        keep_new_secret(path, "p" + secrets.token_hex(24))
        return _read_password(path)
    except OSError as error:
        raise PasswordFileError(f"{path}, the file with a password, can't be used: {error.strerror}.") from None


def _read_password(path: Path) -> str:
    content = path.read_bytes()
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)
    if not content.strip():
        raise PasswordFileError(f"{path}, the file with a password, is empty: delete it and start again for a new one.")
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise PasswordFileError(f"{path}, the file with a password, holds more than ASCII characters.") from None


class Accounts:
    """Knows who may come in."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = {user: password.encode() for user, password in passwords.items()}
        self._nobody = secrets.token_bytes(24)

    def authenticate(self, headers: Mapping[str, str], parameters: Mapping[str, str]) -> str:
        """Return the user of a request.

        Credentials come, as in ClickHouse, by Basic authentication, by the headers X-ClickHouse-User and
        X-ClickHouse-Key, or by the URL's `user` and `password`; only one of these ways at a time.

        Raises:
            ClickHouseError: 194 without credentials, 516 where they are wrong.
        """
        ways = list(_credentials(headers, parameters))
        if not ways:
            raise ClickHouseError(
                194,
                "REQUIRED_PASSWORD",
                "Say who asks: one of the users collector, reader, maintainer and migrator, with the password from "
                "secrets/clickhouse-<user>.password in the data folder.",
            )
        if len(ways) > 1:
            raise _failed("credentials came in more than one way")
        user, password = ways[0]
        expected = self._passwords.get(user, self._nobody)
        if not hmac.compare_digest(expected, password.encode()):
            raise _failed("no such user, or the password is not the user's")
        return user


def _credentials(headers: Mapping[str, str], parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    ways = []
    authorization = headers.get("authorization", "")
    if authorization:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise _failed("the Authorization header must be of the Basic kind")
        try:
            user, _, password = b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:
            raise _failed("the Authorization header cannot be read") from None
        ways.append((user, password))
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        ways.append((headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")))
    if "user" in parameters or "password" in parameters:
        ways.append((parameters.get("user", ""), parameters.get("password", "")))
    return ways


def _failed(reason: str) -> ClickHouseError:
    return ClickHouseError(516, "AUTHENTICATION_FAILED", f"Authentication failed: {reason}.")
