"""Some rows of a file, column by column."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.monitoring_api.reference.hashing import NULL, Floats, Hashes, of_numbers, of_texts


@dataclass(frozen=True, slots=True)
class Numbers:
    """Cells of a column of numbers.

    Args:
        values: The numbers; NaN where there is none.
        hashes: One for each cell.
    """

    values: Floats
    hashes: Hashes

    @classmethod
    def of(cls, values: Floats) -> "Numbers":
        """Numbers that a float holds exactly."""
        return cls(values, of_numbers(values))


@dataclass(frozen=True, slots=True)
class Categories:
    """Cells of a column of names.

    Args:
        codes: The place of each cell's name in `names`; -1 where there is none.
        names: The different names.
        name_hashes: One for each name.
    """

    codes: npt.NDArray[np.int64]
    names: list[str]
    name_hashes: Hashes

    @classmethod
    def of(cls, codes: npt.NDArray[np.int64], names: list[str]) -> "Categories":
        """Cells by the codes of their names."""
        return cls(codes, names, of_texts(names))

    @property
    def hashes(self) -> Hashes:
        """One for each cell."""
        return np.append(self.name_hashes, NULL)[self.codes]

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each name came."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names)).astype(np.int64)


Cells = Numbers | Categories


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows in the order of the file: all columns have the same length.

    Args:
        first_row: How many rows come before.
        rows: How many these are.
        columns: Cells by the name of their column.
    """

    first_row: int
    rows: int
    columns: Mapping[str, Cells]
