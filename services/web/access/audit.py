"""What operators did, and what they were refused: one JSON line each, in a file per process that only grows."""

import fcntl
import json
import logging
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal

from services.web.access.private_folder import make_private_folder
from services.web.access.token_file import moment

_logger = logging.getLogger(__name__)

SETTING: Final = "SIGHTGLASS_AUDIT_DIR"
COMMAND_LINE: Final = "cli"
_MODE: Final = 0o600
_LOGIN: Final = Path("/proc/self/loginuid")
_NO_LOGIN: Final = 2**32 - 1

Outcome = Literal["ok", "refused", "failed"]
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


class AuditError(Exception):
    """The log can't be written; says which file, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody did, or tried to do.

    Args:
        name: What it is called, say `model.promote`.
        target: What it was done to; None where there is no such thing.
        actor: A token's name, at the command line what `local_actor` says, `anonymous` where no token is asked for.
        outcome: Whether it was done.
        token_id: The token's id, when there was one.
        on_behalf_of: The user for whom the actor did it.
        status: The answer's HTTP status.
        trace_id: The request's trace, 32 hexadecimal digits.
        client: The address that asked.
    """

    name: str
    target: str | None
    actor: str
    outcome: Outcome
    token_id: str | None = None
    on_behalf_of: str | None = None
    status: int | None = None
    trace_id: str | None = None
    client: str | None = None


class AuditLog:
    """Appends to ``<folder>/<process>.jsonl``, which any number of workers may do at once.

    The file is opened for each line, so that it may be moved away at any time to be archived.

    Args:
        folder: Where the logs of all processes lie; made when it is missing.
        process: Who writes.
        clock: The time, aware.
    """

    def __init__(self, folder: Path, process: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = folder / f"{process}.jsonl"
        self._process = process
        self._clock = clock

    def check(self) -> None:
        """Make sure, before something is done, that it can be written down.

        Raises:
            AuditError: It can't.
        """
        try:
            os.close(self._open())
        except OSError as error:
            raise self._failed(error) from None

    def record(self, action: Action) -> None:
        """Append a line.

        Raises:
            AuditError: It could not be written, or not whole.
        """
        line = json.dumps(
            {
                "time": moment(self._clock()),
                "process": self._process,
                "actor": action.actor,
                "token_id": action.token_id,
                "on_behalf_of": action.on_behalf_of,
                "action": action.name,
                "target": action.target,
                "outcome": action.outcome,
                "status": action.status,
                "trace_id": action.trace_id,
                "client": action.client,
            }
        )
        data = line.encode("ascii") + b"\n"
        try:
            descriptor = self._open()
            try:
                # One write at the end is whole by itself on a local disk; the lock makes it so on others, too.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                written = os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._failed(error) from None
        if written < len(data):
            raise self._failed(OSError(0, "the disk is full"))

    def _open(self) -> int:
        make_private_folder(self._path.parent)
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)

    def _failed(self, error: OSError) -> AuditError:
        return AuditError(
            f"The audit log {self._path} ({SETTING}) can't be written: {error.strerror or error}. "
            "Look at the rights on its folder and at the space on its disk."
        )


def outcome_of(status: int) -> Outcome:
    """What an HTTP status says of an action."""
    if status < HTTPStatus.BAD_REQUEST:
        return "ok"
    return "refused" if status in _REFUSALS else "failed"


def local_actor(login: Path = _LOGIN) -> str:
    """Who works at the command line: `local:<user>`, and `local:<user>(<login>)` where somebody else's login led here.

    The user is the process's own number. The login is the number that the kernel has kept of the session since somebody
    logged in, through sudo and su; no variable changes either. A process that no login led to may claim one, so that
    the login is what the session says, and the user what is so.

    Args:
        login: Where the kernel tells the session's number; see proc_pid_loginuid(5).
    """
    number = os.getuid()
    try:
        session = int(login.read_text(encoding="ascii"))
    except (OSError, ValueError):
        session = _NO_LOGIN
    user = f"local:{_name_of(number)}"
    return user if session in {number, _NO_LOGIN} else f"{user}({_name_of(session)})"


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError):
        return str(number)
