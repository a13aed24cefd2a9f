"""Rows drawn uniformly from a table of any length."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

# The same file gives the same reference.
_SEED: Final = 20130101


class RowSample:
    """So many rows, each as likely as any other; all of them where there are no more.

    Each row draws a key, and those with the smallest keys stay: the reservoir of Efraimidis and Spirakis, 'Weighted
    random sampling with a reservoir', Information Processing Letters 97 (2006), with equal weights. A quantile of n
    sampled values has a standard error of at most 0.5 / sqrt(n) in rank.

    Args:
        columns: Names of the columns.
        most: Rows to keep.
    """

    def __init__(self, columns: Sequence[str], most: int) -> None:
        self._most = most
        self._random = np.random.default_rng(_SEED)
        self._keys: list[Column] = []
        self._columns: dict[str, list[Column]] = {name: [] for name in columns}
        self._held = 0
        self._greatest = 1.0
        self.seen = 0

    @property
    def exact(self) -> bool:
        """Whether it is all rows."""
        return self.seen <= self._most

    @property
    def kept(self) -> int:
        """Rows that it has."""
        return min(self.seen, self._most)

    def add(self, columns: Mapping[str, Column]) -> None:
        """Offer more rows: an array of one length for each column."""
        rows = len(next(iter(columns.values())))
        keys = self._random.random(rows)
        self.seen += rows
        chosen = np.flatnonzero(keys < self._greatest)
        self._keys.append(keys[chosen])
        for name, parts in self._columns.items():
            parts.append(columns[name][chosen])
        self._held += len(chosen)
        if self._held > 2 * self._most:
            self._shrink()

    def column(self, name: str) -> Column:
        """The sampled values of a column; those of one row have the same place in each."""
        self._shrink()
        return self._columns[name][0]

    def _shrink(self) -> None:
        keys = np.concatenate(self._keys)
        chosen: Column | slice = slice(None)
        if len(keys) > self._most:
            # In the order in which they came, so that a whole file stays as it was.
            chosen = np.sort(np.argpartition(keys, self._most - 1)[: self._most])
            keys = keys[chosen]
            self._greatest = float(keys.max())
        self._keys = [keys]
        for name, parts in self._columns.items():
            joined = np.concatenate(parts) if len(parts) > 1 else parts[0]
            self._columns[name] = [joined[chosen]]
        self._held = len(keys)
