"""All segments of one process: the one being written to, those that wait to be sent, and those it took over."""

import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sightglass.otlp.request import Encoded
from sightglass.spool.folder import Folder
from sightglass.spool.segment import Segment

# gRPC servers take no more than 4 MiB at once, unless told.
_LARGEST_SEGMENT: Final = 3 << 20
_LEAST_SEGMENTS: Final = 8


class Store:
    """Segments, bounded. Not thread-safe.

    Args:
        home: Where each process has its folder.
        max_bytes: What it may hold; the oldest segments are dropped for new ones.
        batch: Records in a segment at most.
        dropped: Told how many records were dropped.
        failed: Told what could not be deleted.

    Attributes:
        records: Records of this process that wait, delivered or not yet.
        unsettled: Sealed segments of this process which are neither delivered nor given up.
    """

    def __init__(
        self,
        home: Path,
        *,
        max_bytes: int,
        batch: int,
        dropped: Callable[[int], None],
        failed: Callable[[OSError], None],
    ) -> None:
        self.records = 0
        self.unsettled: set[Segment] = set()
        self._home = home
        self._max_bytes = max_bytes
        self._batch = batch
        self._dropped = dropped
        self._failed = failed
        self._segment_bytes = min(_LARGEST_SEGMENT, max_bytes // _LEAST_SEGMENTS)
        self._sealed: deque[Segment] = deque()
        self._sealed_bytes = 0
        self._current: Segment | None = None
        self._own: Folder | None = None
        self._folders: dict[Path, Folder] = {}

    @property
    def size(self) -> int:
        """Bytes in all segments."""
        current = self._current
        return self._sealed_bytes + (current.size if current else 0)

    @property
    def has_sealed(self) -> bool:
        """Whether there is a segment that waits to be sent."""
        return bool(self._sealed)

    def append(self, item: Encoded) -> bool:
        """Write one record; whether that filled a segment.

        Raises:
            OSError: It was not written; call `break_off` then.
        """
        segment = self._current or self._begin()
        segment.append(item)
        self.records += 1
        if segment.records < self._batch and segment.size < self._segment_bytes:
            return False
        self.seal()
        return True

    def seal(self) -> None:
        """Write no more to the current segment: it may be sent."""
        segment, self._current = self._current, None
        if segment is None:
            return
        segment.seal()
        self._wait_for(segment)
        if segment.records:
            self.unsettled.add(segment)
        else:
            self.settle(segment)

    def break_off(self) -> None:
        """Writing failed: begin anew at the next attempt, in another folder if this one is gone."""
        self.seal()
        if self._own is not None and not self._own.path.is_dir():
            folder, self._own = self._own, None
            self._done_with(folder)

    def take(self) -> Segment | None:
        """The next segment to send. Give it back with `put_back` or `settle`."""
        return self._sealed.popleft() if self._sealed else None

    def put_back(self, segment: Segment) -> None:
        """It has to be sent again, but not first: others may be taken where it is not."""
        self._sealed.append(segment)

    def settle(self, segment: Segment) -> None:
        """It was delivered or given up: delete it."""
        with contextlib.suppress(ValueError):
            self._sealed.remove(segment)
        self.unsettled.discard(segment)
        self.records -= segment.records
        self._sealed_bytes -= segment.size
        try:
            segment.delete()
        except OSError as error:
            self._failed(error)
        folder = self._folders[segment.path.parent]
        folder.waiting -= 1
        if folder is not self._own:
            self._done_with(folder)

    def adopt(self, folder: Folder) -> None:
        """Send what lies in the folder of a dead process, too.

        Raises:
            OSError: It can't be read.
        """
        self._folders[folder.path] = folder
        for segment in folder.segments():
            self._wait_for(segment)
        self._done_with(folder)
        self._make_room(0)

    def tidy(self) -> None:
        """Remove the folder of this process while there is nothing in it."""
        if self._own is not None and self._current is None and not self._own.waiting:
            folder, self._own = self._own, None
            self._done_with(folder)

    def leave(self) -> None:
        """Delete what is empty, and leave the rest to whoever comes next."""
        self.seal()
        self._own = None
        for folder in list(self._folders.values()):
            self._done_with(folder)
            folder.leave()

    def forget(self) -> None:
        """In a forked child: all of it is the parent's, and so are the locks, as soon as the child has none of them."""
        if self._current is not None:
            self._current.seal()
        for folder in self._folders.values():
            folder.leave()

    def _begin(self) -> Segment:
        self._make_room(self._segment_bytes)
        if self._own is None:
            self._own = Folder.make(self._home)
            self._folders[self._own.path] = self._own
        self._current = Segment.begin(self._own.path)
        return self._current

    def _wait_for(self, segment: Segment) -> None:
        self._sealed.append(segment)
        self._sealed_bytes += segment.size
        self._folders[segment.path.parent].waiting += 1

    def _make_room(self, needed: int) -> None:
        while self._sealed and self._sealed_bytes + needed > self._max_bytes:
            oldest = min(self._sealed, key=lambda segment: segment.path.name)
            self._dropped(oldest.count())
            self.settle(oldest)

    def _done_with(self, folder: Folder) -> None:
        if not folder.waiting:
            folder.remove()
            if not folder.path.exists():
                self._folders.pop(folder.path, None)
