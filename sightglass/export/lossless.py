"""Queues that block instead of dropping, for batch jobs that would rather wait than lose a row."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from sightglass.export.pauses import growing_pause
from sightglass.export.untraced import untraced
from sightglass.forking import call_in_forked_child

Item = TypeVar("Item")

_CAPACITY: Final = 8_192
_BATCH: Final = 512
_GROW_AFTER: Final = 32
_LINGER_SECONDS: Final = 1.0


class LosslessQueue(Generic[Item]):
    """A bounded queue with one thread that exports its items in order, each batch until it succeeds.

    A batch that keeps failing is halved, because a receiver may refuse it for its size; after a while it grows again.

    Args:
        export: Sends a batch; returns whether it arrived.
        capacity: Items held at most; `put` waits while there are as many.
        batch: Items sent at once, at most.
        linger_seconds: How long the first item of a small batch waits for more.
    """

    def __init__(
        self,
        export: Callable[[list[Item]], bool],
        *,
        capacity: int = _CAPACITY,
        batch: int = _BATCH,
        linger_seconds: float = _LINGER_SECONDS,
    ) -> None:
        self._export = export
        self._capacity = capacity
        self._batch = batch
        self._linger_seconds = linger_seconds
        self._begin()
        call_in_forked_child(self._begin)

    def _begin(self) -> None:
        """Start empty: what the parent of a forked child holds, the parent sends."""
        self._changed = threading.Condition()
        self._items: deque[Item] = deque()
        self._put = 0
        self._delivered = 0
        self._hurry = 0
        self._size = self._batch
        self._accepted = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sightglass-lossless", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Hand over one item, waiting for room; False when the queue was closed."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._items.append(item)
            self._put += 1
            if len(self._items) == 1 or len(self._items) == self._batch:
                self._changed.notify_all()
            return True

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything put before this call was delivered; False when it was not in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            target = self._put
            self._hurry = max(self._hurry, target)
            self._changed.notify_all()
            while self._delivered < target:
                rest = deadline - time.monotonic()
                if rest <= 0 or self._closed:
                    return False
                self._changed.wait(rest)
            return True

    def close(self) -> None:
        """Stop after the batch in progress; what was not delivered is given up."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next_batch(self) -> list[Item]:
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            until = time.monotonic() + self._linger_seconds
            while len(self._items) < self._batch and not self._closed and self._hurry <= self._delivered:
                rest = until - time.monotonic()
                if rest <= 0:
                    break
                self._changed.wait(rest)
            return [] if self._closed else list(itertools.islice(self._items, self._batch))

    def _settle(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._items.popleft()
            self._delivered += count
            self._changed.notify_all()

    def _run(self) -> None:
        with untraced():
            while batch := self._next_batch():
                self._send(batch)

    def _send(self, batch: list[Item]) -> None:
        failures = 0
        while batch and not self._closed:
            if self._try(batch[: self._size]):
                self._settle(min(self._size, len(batch)))
                batch = batch[self._size :]
                failures = 0
                self._accepted += 1
                if self._accepted % _GROW_AFTER == 0:
                    self._size = min(self._size * 2, self._batch)
                continue
            failures += 1
            self._accepted = 0
            if failures > 1:
                self._size = max(min(self._size, len(batch)) // 2, 1)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, growing_pause(failures))

    def _try(self, batch: list[Item]) -> bool:
        try:
            return self._export(batch)
        except Exception:
            return False
