"""The folder of one process, locked as long as that process lives; whoever finds one that is not takes it over."""

import contextlib
import errno
import fcntl
import os
import uuid
from pathlib import Path
from typing import Final, Self

from sightglass.spool.segment import SUFFIX, Segment

_PREFIX: Final = "process-"


class Folder:
    """A folder whose lock this process holds.

    The lock is on the folder itself: there is no file that a cleaner of temporary files could remove under it. The
    kernel takes it back when the process ends, however it ends.

    Args:
        path: The folder.
        lock: Its descriptor.

    Attributes:
        waiting: Segments in it that are sealed and not settled.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.waiting = 0
        self._lock = lock

    @classmethod
    def make(cls, home: Path) -> Self:
        """A new one.

        Raises:
            OSError: It can't be made or locked.
        """
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = home / f"{_PREFIX}{uuid.uuid4().hex}"
        # Under another name until it is locked, or it would look like a dead process's.
        hidden = home / f".{path.name}"
        hidden.mkdir(mode=0o700)
        try:
            if (folder := cls.take(hidden)) is None:
                raise FileNotFoundError(errno.ENOENT, "removed by somebody else", str(hidden))
            hidden.rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                hidden.rmdir()
            raise
        folder.path = path
        return folder

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Lock a folder; None when a living process has it, or it is gone.

        Raises:
            OSError: It can't be opened or locked.
        """
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # What lies there may be somebody's attempt to have us send it.
            if os.fstat(lock).st_uid == os.geteuid() and os.path.samestat(os.fstat(lock), path.stat()):
                taken, lock = cls(path, lock), -1
                return taken
        except (BlockingIOError, FileNotFoundError):
            return None
        finally:
            if lock >= 0:
                os.close(lock)
        return None

    def segments(self) -> list[Segment]:
        """What lies in it, the oldest first.

        Raises:
            OSError: It can't be read.
        """
        return [Segment(path, path.stat().st_size) for path in sorted(self.path.glob(f"*{SUFFIX}"))]

    def remove(self) -> None:
        """Remove it and give up the lock; with something else in it, it stays, and stays locked until `leave`."""
        try:
            self.path.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        self.leave()

    def leave(self) -> None:
        """Give up the lock, and let another process have what is there; in a forked child, the parent keeps it."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            with contextlib.suppress(OSError):
                os.close(lock)


def orphans(home: Path) -> list[Folder]:
    """Folders of processes that do not live any more, now locked by this one."""
    found = []
    for path in sorted(home.glob(f"{_PREFIX}*")):
        # Those of another user, for one.
        with contextlib.suppress(OSError):
            if folder := Folder.take(path):
                found.append(folder)
    return found
