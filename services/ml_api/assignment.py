"""Which version has a part, champion or shadow: one small file, replaced whole so that nobody reads half a switch."""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

_MOST_BEFORE: Final = 50
_LOCK_FILE: Final = "switch.lock"


class AssignmentBrokenError(Exception):
    """The file does not say which version it is."""


class Assignment(BaseModel):
    """Which version has the part now, how it got it, and which versions had it before."""

    model_config = ConfigDict(frozen=True)

    version: str | None
    number: int = 0
    """How many switches there were; the first assignment is none."""
    previous: str | None = None
    reason: str = ""
    before: tuple[str, ...] = ()
    """Earlier versions, the latest last: where a rollback goes."""

    def switched_to(self, version: str | None, reason: str) -> "Assignment":
        """The assignment after `version` took the part; this one when it has it already."""
        if version == self.version:
            return self
        before = (*self.before, self.version) if self.version is not None else self.before
        return self._next(version, reason, before[-_MOST_BEFORE:])

    def rolled_back(self) -> "Assignment | None":
        """The assignment after the version before got the part back; None when there was none before."""
        return self._next(self.before[-1], "rollback", self.before[:-1]) if self.before else None

    def _next(self, version: str | None, reason: str, before: tuple[str, ...]) -> "Assignment":
        return Assignment(version=version, number=self.number + 1, previous=self.version, reason=reason, before=before)


@dataclass(frozen=True, slots=True)
class AssignmentFile:
    """The file of one part; safe for several processes that switch at once."""

    path: Path

    def read(self) -> Assignment | None:
        """What it says; None when there is no such file.

        Raises:
            AssignmentBrokenError: It is not readable as an assignment.
        """
        try:
            return Assignment.model_validate(json.loads(self.path.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError):
            raise AssignmentBrokenError(f"{self.path} is damaged") from None

    def change(self, change: Callable[[Assignment | None], Assignment]) -> Assignment:
        """Replace what it says by what `change` makes of it, with no other process in between.

        Raises:
            AssignmentBrokenError: It is not readable as an assignment.
        """
        with self._locked():
            old = self.read()
            new = change(old)
            if new != old:
                self._write(new)
            return new

    def overwrite(self, assignment: Assignment) -> Assignment:
        """Say this, whatever was said before: mends a damaged file."""
        with self._locked():
            self._write(assignment)
        return assignment

    def _write(self, assignment: Assignment) -> None:
        folder = self.path.parent
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".partial", delete=False) as file:
            file.write(assignment.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, self.path)  # noqa: PTH105  (atomic, which is the point)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.path.parent / _LOCK_FILE).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
