"""How many different values there were, and how often one came again, in a bounded room."""

from typing import Final

import numpy as np
import numpy.typing as npt

from services.monitoring_api.reference.hashing import Hashes

Counts = npt.NDArray[np.int64]
_BITS: Final = 64


class DistinctValues:
    """Counts distinct values by their hashes: all of them, or where they are too many those of a sample of all hashes.

    Whatever is in the sample is counted each time it comes, so that a value is known to be unique among those that are
    looked at. Adaptive sampling: Flajolet, 'On adaptive sampling', Computing 43 (1990).

    Args:
        most: Hashes to keep; the relative standard error is about 1.2 / sqrt(most) once there are more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._level = 0
        self._hashes: Hashes = np.empty(0, np.uint64)
        self._counts: Counts = np.empty(0, np.int64)
        self._pending: list[tuple[Hashes, Counts]] = []
        self._pending_size = 0

    def add(self, hashes: Hashes, counts: Counts | None = None) -> None:
        """Count more values.

        Args:
            hashes: One for each value.
            counts: How often each came; None: once.
        """
        if self._level:
            chosen = self._chosen(hashes)
            hashes, counts = hashes[chosen], None if counts is None else counts[chosen]
        if counts is None:
            hashes, counts = np.unique(hashes, return_counts=True)
        self._pending.append((hashes, counts.astype(np.int64)))
        self._pending_size += len(hashes)
        if self._pending_size >= self._most:
            self._settle()

    @property
    def exact(self) -> bool:
        """Whether every value was looked at."""
        self._settle()
        return self._level == 0

    @property
    def distinct(self) -> int:
        """How many different values there were."""
        self._settle()
        return len(self._hashes) << self._level

    @property
    def repeated(self) -> int:
        """How many values had come before."""
        self._settle()
        return int((self._counts - 1).sum()) << self._level

    def _chosen(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        chosen: npt.NDArray[np.bool_] = hashes >> np.uint64(_BITS - self._level) == 0
        return chosen

    def _settle(self) -> None:
        if not self._pending:
            return
        everything = np.concatenate([self._hashes, *(hashes for hashes, _ in self._pending)])
        counts = np.concatenate([self._counts, *(counts for _, counts in self._pending)])
        self._pending, self._pending_size = [], 0
        self._hashes, places = np.unique(everything, return_inverse=True)
        self._counts = np.bincount(places, weights=counts, minlength=len(self._hashes)).astype(np.int64)
        while len(self._hashes) > self._most:
            self._level += 1
            chosen = self._chosen(self._hashes)
            self._hashes, self._counts = self._hashes[chosen], self._counts[chosen]
