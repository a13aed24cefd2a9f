"""What is known of one column after all of its cells."""

import math
from typing import Final

import numpy as np

from services.monitoring_api.reference.batch import Cells, Numbers
from services.monitoring_api.reference.categories import MOST_SHOWN, CategoryCounts
from services.monitoring_api.reference.distinct import DistinctValues
from services.monitoring_api.reference.document import FeatureReference
from services.monitoring_api.reference.hashing import Floats, Hashes, with_place
from services.monitoring_api.reference.moments import Moments

_MOST_HASHES: Final = 1 << 14
_LEAST_IDS: Final = 100
_FEW_TWICE: Final = 0.01
_GRID: Final = np.linspace(0.0, 1.0, 101)


class ColumnSummary:
    """Counts of a column's cells; quantiles come from the sample of rows.

    Args:
        name: The column's.
        is_number: Whether it holds numbers.
    """

    def __init__(self, name: str, *, is_number: bool) -> None:
        self.name = name
        self.is_number = is_number
        self.whole = is_number
        self.rows = 0
        self.nulls = 0
        self.moments = Moments()
        self.categories = CategoryCounts()
        self.distinct = DistinctValues(_MOST_HASHES)
        self.contents = 0
        """The same for columns whose cells are all the same, row by row."""

    def add(self, cells: Cells, hashes: Hashes, first_row: int) -> None:
        """Take more cells.

        Args:
            cells: The cells.
            hashes: One for each.
            first_row: How many rows came before.
        """
        self.rows += len(hashes)
        if isinstance(cells, Numbers):
            self.moments.add(cells.values)
            missing = np.isnan(cells.values)
            present = hashes[~missing] if missing.any() else hashes
            self.whole = self.whole and bool(np.all(np.floor(cells.values[~missing]) == cells.values[~missing]))
            self.distinct.add(present)
            self.nulls += len(hashes) - len(present)
        else:
            counts = cells.counts
            self.categories.add(cells.names, counts)
            self.distinct.add(cells.name_hashes, counts)
            self.nulls += len(hashes) - int(counts.sum())
        self.contents = (self.contents + int(with_place(hashes, first_row).sum(dtype=np.uint64))) % 2**64

    @property
    def null_share(self) -> float:
        """Share of the rows without a value."""
        return self.nulls / self.rows

    @property
    def is_id(self) -> bool:
        """Whether (almost) every row has another value, and these are no measurements."""
        if self.nulls or self.rows < _LEAST_IDS:
            return False
        # Measured numbers are often all different; whole ones and names seldom are.
        repeated = self.distinct.repeated
        return repeated == 0 and self.whole if self.is_number else repeated <= _FEW_TWICE * self.rows

    def feature(self, sampled: Floats) -> FeatureReference:
        """The column as a reference keeps it.

        Args:
            sampled: Its numbers in the sample of rows.
        """
        if self.is_number:
            known = self.moments.finite > 0
            return FeatureReference(
                name=self.name,
                type="number",
                null_share=self.null_share,
                quantiles=quantiles(sampled) if known else None,
                mean=finite(self.moments.mean) if known else None,
                standard_deviation=finite(self.moments.standard_deviation) if known else None,
            )
        if self.is_id:  # names of rows, which nobody will meet again
            return FeatureReference(name=self.name, type="category", null_share=0.0, categories={}, other_share=1.0)
        shown = self.categories.most_common(MOST_SHOWN)
        others = self.rows - self.nulls - sum(shown.values())
        return FeatureReference(
            name=self.name,
            type="category",
            null_share=self.null_share,
            categories={name: count / self.rows for name, count in shown.items()},
            other_share=max(others, 0) / self.rows,
        )


def quantiles(values: Floats) -> list[float]:
    """0 %, 1 %, ... 100 % of the finite ones, interpolated linearly (`numpy.quantile`); nothing of nothing."""
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.quantile(known, _GRID)
    if not np.isfinite(found).all():  # numbers so far apart that nothing lies between them
        found = np.quantile(known, _GRID, method="lower")
    quantiles: list[float] = found.tolist()
    return quantiles


def finite(figure: float) -> float | None:
    """A figure that JSON can say; numbers may be so large that their spread is none."""
    return figure if math.isfinite(figure) else None
