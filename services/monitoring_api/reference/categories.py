"""How often each category came, in a bounded room."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

MOST_COUNTED: Final = 10_000
MOST_SHOWN: Final = 1_000
LONGEST: Final = 200
_TRUTH: Final = {"True", "False"}


class CategoryCounts:
    """Counts of categories: exact up to 10,000 different ones, then those of the most common.

    Beyond that the rare ones are given up and every count may be too small by at most `missed`, which is at most the
    number of rows by 10,001. Misra and Gries, 'Finding repeated elements' (1982), merged as in Agarwal et al.,
    'Mergeable summaries', PODS 2012.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.missed = 0

    @property
    def exact(self) -> bool:
        """Whether every category is there."""
        return self.missed == 0

    def add(self, values: Sequence[str], counts: npt.NDArray[np.int64]) -> None:
        """Count categories: each value so often."""
        for value, count in zip(values, counts.tolist(), strict=True):
            key = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
            self._counts[key] = self._counts.get(key, 0) + count
        if len(self._counts) > 2 * MOST_COUNTED:
            self._shrink()

    def most_common(self, most: int = MOST_SHOWN) -> dict[str, int]:
        """The most common categories and their counts, those of one count in alphabetical order.

        What a CSV file has as True and False are the truth values that predictions and labels call true and false.
        """
        if len(self._counts) > MOST_COUNTED:
            self._shrink()
        ordered = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        if self._counts.keys() <= _TRUTH:
            ordered = [(value.lower(), count) for value, count in ordered]
        return dict(ordered[:most])

    def _shrink(self) -> None:
        given_up = sorted(self._counts.values(), reverse=True)[MOST_COUNTED]
        self.missed += given_up
        self._counts = {value: count - given_up for value, count in self._counts.items() if count > given_up}
