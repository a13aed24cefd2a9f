"""One file of records: written to by one process, read by itself or by whoever takes it over."""

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import Any, Final, Self

from sightglass.otlp.request import Encoded, encode_owner
from sightglass.spool.entries import Entries, owner_entry, read_entries, record_entry

SUFFIX: Final = ".segment1"
"""Ends with the version of the format: a library that does not know it leaves the file alone."""


class Segment:
    """A file of records.

    Args:
        path: The file, whose name is the time it was begun at, so that names sort by age.
        size: Bytes in it.
        descriptor: Open for writing; -1 when nothing is written any more.

    Attributes:
        records: Records that this process wrote; 0 in a segment that it took over.
        own: Whether this process wrote it.
    """

    def __init__(self, path: Path, size: int, descriptor: int = -1) -> None:
        self.path = path
        self.size = size
        self.records = 0
        self.own = descriptor >= 0
        self._descriptor = descriptor
        self._owners: dict[tuple[int, int], int] = {}
        # Also keeps the objects alive, whose ids the keys above are.
        self._seen: list[tuple[Any, Any]] = []
        self._resource: Any = self
        self._scope: Any = self
        self._owner = 0

    @classmethod
    def begin(cls, folder: Path) -> Self:
        """A new one in this folder, to write to.

        Raises:
            OSError: It can't be made.
        """
        path = folder / f"{time.time_ns():020d}{SUFFIX}"
        return cls(path, 0, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600))

    def append(self, item: Encoded) -> None:
        """Hand one record to the operating system, which keeps it when the process is killed.

        Raises:
            OSError: It could not be written; what was written before it stays whole.
        """
        resource, scope, record = item
        if resource is not self._resource or scope is not self._scope:
            self._choose_owner(resource, scope)
        self._write(record_entry(self._owner, record))
        self.records += 1

    def seal(self) -> None:
        """Write no more to it."""
        descriptor, self._descriptor = self._descriptor, -1
        self._owners, self._seen = {}, []
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def read(self) -> Entries:
        """Its records.

        Raises:
            OSError: It can't be read.
        """
        return read_entries(self.path.read_bytes())

    def count(self) -> int:
        """How many records there are in it, as far as it can be read."""
        if self.own:
            return self.records
        try:
            return len(self.read().records)
        except OSError:
            return 0

    def delete(self) -> None:
        """Remove the file.

        Raises:
            OSError: It can't be removed.
        """
        self.path.unlink(missing_ok=True)

    def _choose_owner(self, resource: Any, scope: Any) -> None:
        number = self._owners.get((id(resource), id(scope)))
        if number is None:
            number = len(self._seen)
            self._write(owner_entry(number, encode_owner(resource, scope)))
            self._seen.append((resource, scope))
            self._owners[id(resource), id(scope)] = number
        self._resource, self._scope, self._owner = resource, scope, number

    def _write(self, entry: bytes) -> None:
        # A full disk, or a limit on file sizes, may leave room for a part.
        if (written := os.write(self._descriptor, entry)) != len(entry):
            if written > 0:
                os.ftruncate(self._descriptor, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self.size += len(entry)
