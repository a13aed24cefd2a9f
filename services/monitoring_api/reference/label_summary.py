"""The true labels of a file: classes, or numbers that were measured."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.monitoring_api.reference.arrow import name as text_of
from services.monitoring_api.reference.batch import Cells, Numbers
from services.monitoring_api.reference.column_summary import ColumnSummary, finite, quantiles
from services.monitoring_api.reference.document import LabelReference, Task
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.hashing import Floats

_MOST_CLASSES: Final = 1_000
# With more different numbers than this the label is taken for a measured number where nobody said what it is.
_MOST_NUMBERED_CLASSES: Final = 20
_BINARY: Final = 2


class LabelSummary:
    """Counts labels while they may be classes.

    Args:
        column: The label's.
    """

    def __init__(self, column: ColumnSummary) -> None:
        self.column = column
        self._numbers: dict[float, int] = {}
        self._whole = True
        self.too_many = False

    def add(self, cells: Cells) -> None:
        """Take more labels, which the column's summary has taken, too."""
        if not isinstance(cells, Numbers) or self.too_many:
            return
        values, counts = np.unique(cells.values[~np.isnan(cells.values)], return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._numbers[value] = self._numbers.get(value, 0) + count
        self.too_many = len(self._numbers) > _MOST_CLASSES

    def task(self, said: Task) -> Task:
        """What the model does.

        Args:
            said: By whoever asks; empty: what the labels say.

        Raises:
            UnusableFileError: The labels contradict what was said, or there are none.
        """
        name = self.column.name
        if self.column.nulls == self.column.rows:
            raise UnusableFileError(f"Column {name!r} has no label in any row: name another column with --label.")
        if said == "regression" and not self.column.is_number:
            raise UnusableFileError(f"Column {name!r} is not all numbers, and --task regression needs them.")
        if said == "regression":
            return said
        distinct = self.column.distinct.distinct
        if not said and self.column.is_number and (distinct > _MOST_NUMBERED_CLASSES or not self.column.whole):
            return "regression"
        if distinct > _MOST_CLASSES:
            raise UnusableFileError(
                f"Column {name!r} has about {distinct:,} different labels; more than {_MOST_CLASSES:,} are no classes: "
                "name another column with --label, or say --task regression where they are measured numbers."
            )
        if said == "binary" and distinct > _BINARY:
            raise UnusableFileError(
                f"Column {name!r} has {distinct:,} different labels, and --task binary has two: say --task multiclass."
            )
        return said or ("binary" if distinct <= _BINARY else "multiclass")

    def reference(self, task: Task, sampled: npt.NDArray[Any]) -> LabelReference:
        """The labels as a reference keeps them.

        Args:
            task: What the model does.
            sampled: The labels in the sample of rows.
        """
        column = self.column
        if task == "regression":
            numbers: Floats = sampled
            return LabelReference(
                missing_share=column.null_share,
                quantiles=quantiles(numbers),
                mean=finite(column.moments.mean),
                standard_deviation=finite(column.moments.standard_deviation),
            )
        counts = (
            {text_of(value): count for value, count in self._numbers.items()}
            if column.is_number
            else column.categories.most_common(_MOST_CLASSES)
        )
        known = column.rows - column.nulls
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        return LabelReference(missing_share=column.null_share, classes={name: count / known for name, count in ordered})
