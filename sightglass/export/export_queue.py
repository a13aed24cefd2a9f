"""A queue in front of an exporter that never makes its caller wait: when it is full, the oldest item is dropped."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, Literal, TypeVar

from sightglass.export.untraced import untraced
from sightglass.forking import call_in_forked_child

Item = TypeVar("Item")
DropReason = Literal["queue_full", "already_shutdown"]

_JOIN_SECONDS: Final = 5.0


class ExportQueue(Generic[Item]):
    """Holds items for at most `linger_seconds`, then exports them in batches on a thread of its own.

    Args:
        export: Sends a batch, and counts itself what it could not send.
        dropped: Told of each item that was dropped, and why.
        capacity: Items held at most.
        batch: Items sent at once, at most; as many wake the thread early.
        linger_seconds: How long an item waits for others.
    """

    def __init__(
        self,
        export: Callable[[list[Item]], object],
        dropped: Callable[[DropReason], None],
        *,
        capacity: int,
        batch: int,
        linger_seconds: float,
    ) -> None:
        self._export = export
        self._dropped = dropped
        self.capacity = capacity
        self._batch = min(batch, capacity)
        self._linger_seconds = linger_seconds
        self._begin()
        call_in_forked_child(self._begin)

    def _begin(self) -> None:
        """Start empty: what the parent of a forked child holds, the parent sends."""
        self._lock = threading.Lock()
        self._items: deque[Item] = deque()
        self._one_export = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sightglass-export", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Hand over one item."""
        reason: DropReason | None = None
        with self._lock:
            if self._closed:
                reason = "already_shutdown"
            else:
                self._items.append(item)
                count = len(self._items)
                if count > self.capacity:
                    self._items.popleft()
                    reason = "queue_full"
                if count == self._batch:
                    self._wake.set()
        if reason:
            self._dropped(reason)

    def flush(self, timeout_seconds: float = 0.0) -> bool:  # noqa: ARG002  # exporters have their own deadline
        """Export everything put before this call; False when the queue is closed."""
        if self._closed:
            return False
        self._drain(everything=True)
        return True

    def close(self) -> None:
        """Take no more, export what is there, and stop."""
        with self._lock:
            self._closed = True
        self._wake.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        wake = self._wake
        while not self._closed:
            early = wake.wait(self._linger_seconds)
            wake.clear()
            self._drain(everything=not early)
        self._drain(everything=True)

    def _drain(self, *, everything: bool) -> None:
        with self._one_export:
            # What is put meanwhile waits its own time, or this would never end under load.
            left = len(self._items)
            while left >= (1 if everything else self._batch):
                batch = self._take()
                left -= len(batch)
                if not batch:
                    return
                self._send(batch)
                left = left if everything else len(self._items)

    def _take(self) -> list[Item]:
        with self._lock:
            return [self._items.popleft() for _ in range(min(self._batch, len(self._items)))]

    def _send(self, batch: list[Item]) -> None:
        # Counted as lost by what sends; the thread lives on.
        with untraced(), suppress(Exception):
            self._export(batch)
