"""Snapshots of the overview that all who look share: one is taken in each period, however many people look."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from dashboard.overview_snapshot import Snapshot

AT_ONCE_SECONDS: Final = 60.0
"""So old a snapshot is drawn while the next is being taken; an older one says too little of the present."""
_FAILED_SECONDS: Final = 2.0
_MOST: Final = 64


@dataclass
class _Kept:
    snapshot: Snapshot | None = None
    at: float = float("-inf")
    taking: threading.Lock = field(default_factory=threading.Lock)


class SharedSnapshots:
    """The last snapshot by what is looked at and with which rights.

    Periods begin at the same moments for everybody. So neither one person who looks again each period nor twenty who do
    so at twenty times ask for more than one snapshot a period.

    Args:
        period_seconds: how often an open page asks again.
        clock: seconds since the epoch.
    """

    def __init__(self, period_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._period = period_seconds
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def at_once(self, key: Hashable) -> Snapshot | None:
        """The last one, where it is at most a minute old and did not fail."""
        kept = self._of(key)
        if kept.snapshot is None or kept.snapshot.failure is not None:
            return None
        return kept.snapshot if self._clock() - kept.at <= AT_ONCE_SECONDS else None

    def current(self, key: Hashable, take: Callable[[Snapshot | None], Snapshot]) -> Snapshot:
        """This period's; taken now where there is none. A failed one is taken again after two seconds.

        Args:
            key: what is looked at, with which rights.
            take: asks the monitoring API; it is given the one before, where there is one.
        """
        kept = self._of(key)
        with kept.taking:
            if kept.snapshot is None or not self._lasts(kept.snapshot, kept.at):
                at = self._clock()
                kept.snapshot, kept.at = take(kept.snapshot), at
            return kept.snapshot

    def is_current(self, key: Hashable) -> bool:
        """Whether this period's is there."""
        kept = self._of(key)
        return kept.snapshot is not None and self._lasts(kept.snapshot, kept.at)

    def _lasts(self, snapshot: Snapshot, at: float) -> bool:
        now = self._clock()
        if snapshot.failure is not None:
            return 0 <= now - at < _FAILED_SECONDS
        return now // self._period == at // self._period

    def _of(self, key: Hashable) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
            return kept
