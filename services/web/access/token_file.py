"""The file of tokens: read with suspicion, changed by one process at a time, and never seen half-written."""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.web.access.private_folder import make_private_folder
from services.web.access.scopes import Scope
from services.web.access.tokens import Token

T = TypeVar("T")
Tokens = tuple[Token, ...]
FileStamp = tuple[int, ...]

SETTING: Final = "SIGHTGLASS_TOKENS_FILE"
_VERSION: Final = 1
_LARGEST_BYTES: Final = 16_000_000
_MODE: Final = 0o600
# Others may do nothing, and the group may not write.
_TOO_OPEN: Final = 0o027


class TokenFileError(Exception):
    """The file can't be used; says which, why, and what to do."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    name: str = Field(min_length=1, max_length=64)
    scopes: frozenset[Scope] = Field(min_length=1)
    delegate: bool
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(ge=_VERSION, le=_VERSION)
    tokens: tuple[_Entry, ...]


class TokenFile:
    """The tokens on disk.

    Args:
        path: The file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> FileStamp | None:
        """What changes whenever the file, or who may read it, changes; None when there is none.

        Raises:
            TokenFileError: It can't even be looked at.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from None
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def read(self) -> Tokens:
        """Every token; none when there is no file.

        Raises:
            TokenFileError: It can't be read, is open to others, or is not such a file.
        """
        try:
            # Opened without waiting: it may be a pipe.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            self._judge(os.fstat(descriptor))
            text = _whole(descriptor)
        except OSError as error:
            raise self._unreadable(error) from None
        finally:
            os.close(descriptor)
        return self._parse(text)

    def change(self, edit: Callable[[Tokens], tuple[Tokens, T]]) -> T:
        """Replace the tokens by what `edit` makes of them, while no other process does; returns its other result.

        Raises:
            TokenFileError: The file, or its folder, can't be used.
        """
        try:
            with self._locked():
                tokens, result = edit(self.read())
                self._write(tokens)
        except OSError as error:
            raise TokenFileError(
                f"The tokens file {self.path} ({SETTING}) can't be written: {error.strerror or error}. "
                "Look at the rights on its folder and at the space on its disk."
            ) from None
        return result

    def _judge(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise self._broken("it is not a file")
        if found.st_mode & _TOO_OPEN:
            raise TokenFileError(
                f"The tokens file {self.path} ({SETTING}) is open to others (mode {found.st_mode & 0o777:04o}): "
                f"whoever can write it can let anybody in. Run `chmod 600 {self.path}`."
            )
        if found.st_size > _LARGEST_BYTES:
            raise self._broken("it is larger than 16 MB")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private_folder(self.path.parent)
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, tokens: Tokens) -> None:
        document = json.dumps({"version": _VERSION, "tokens": [_plain(token) for token in tokens]}, indent=1) + "\n"
        # A link stays one: what it points at is replaced.
        target = self.path.resolve()
        descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=".tokens-")  # made with mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(document)
                file.flush()
                os.fsync(descriptor)
            Path(partial).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(partial).unlink()
            raise

    def _parse(self, text: bytes) -> Tokens:
        try:
            document = _Document.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise self._broken(f"{where}: {first['msg']}") from None
        tokens = tuple(Token(**dict(entry)) for entry in document.tokens)
        if len({token.id for token in tokens}) < len(tokens):
            raise self._broken("two tokens have the same id")
        return tokens

    def _unreadable(self, error: OSError) -> TokenFileError:
        return TokenFileError(
            f"The tokens file {self.path} ({SETTING}) can't be read: {error.strerror or error}. "
            "It must belong to the user that this process runs as."
        )

    def _broken(self, reason: str) -> TokenFileError:
        return TokenFileError(
            f"The tokens file {self.path} ({SETTING}) is damaged: {reason}. Put a copy of it back, or delete it and "
            "make new tokens with `sightglass tokens create`."
        )


def _whole(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read()


def _plain(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "delegate": token.delegate,
        "created_at": moment(token.created_at),
        "expires_at": moment(token.expires_at),
        "revoked_at": moment(token.revoked_at),
        "sha256": token.sha256,
    }


def moment(at: datetime | None) -> str | None:
    """A moment as it stands in the file: RFC 3339."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usable(tokens: Sequence[Token], now: datetime) -> list[Token]:
    """Those that are neither expired nor revoked."""
    return [token for token in tokens if token.refusal(now) is None]


def ending(token: Token, at: datetime) -> Token:
    """The token with an end no later than `at`."""
    return replace(token, expires_at=at if token.expires_at is None else min(at, token.expires_at))
