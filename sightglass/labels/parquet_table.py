"""A Parquet file of labels, batch by batch."""

import importlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from sightglass.labels.columns import column_indexes
from sightglass.labels.errors import LabelsError
from sightglass.labels.options import LoadOptions
from sightglass.labels.row import Row

_BATCH_ROWS: Final = 8_192
_BUFFER_BYTES: Final = 1 << 20
_DIGITS: Final = {"s": 0, "ms": -3, "us": -6, "ns": -9}


class ParquetTable:
    """Rows of a Parquet file.

    Args:
        options: The file and how to read it.

    Raises:
        LabelsError: It is no such file, or has not the columns, or pyarrow is not installed.
    """

    typed = True

    def __init__(self, options: LoadOptions) -> None:
        self._options = options
        self._arrow, self._parquet = _pyarrow()
        with self._open() as file:
            column_indexes(file.schema_arrow.names, options)
            self._total: int = max(file.metadata.num_rows, 1)
        self._number = 0

    @property
    def share(self) -> float:
        """How much of the file the latest `rows` has read, from 0 to 1."""
        return min(self._number / self._total, 1.0)

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All rows but the first `after`.

        Raises:
            LabelsError: The file is damaged.
        """
        self._number = 0
        with self._open() as file:
            try:
                groups = self._skip_groups(file, after)
                for batch in file.iter_batches(
                    _BATCH_ROWS, groups, list(dict.fromkeys(self._options.columns)), use_threads=False
                ):
                    columns = (self._cells(batch.column(name)) for name in self._options.columns)
                    for cells in zip(*columns, strict=True):
                        self._number += 1
                        if self._number > after:
                            yield Row(self._number, None, cells)
            except (self._arrow.ArrowException, OSError) as error:
                raise LabelsError(
                    f"{self._options.file} cannot be read after row {self._number:,}: {_first_line(error)}. "
                    "It is damaged; write or copy it anew."
                ) from None

    def _open(self) -> Any:
        try:
            return self._parquet.ParquetFile(self._options.file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        except (self._arrow.ArrowException, OSError) as error:
            raise LabelsError(
                f"{self._options.file} is no whole Parquet file: {_first_line(error)}. Was it cut off while it was "
                "written or copied? Write or copy it anew."
            ) from None

    def _skip_groups(self, file: Any, after: int) -> list[int]:
        """The row groups that are needed, counting what the others hold."""
        first, groups = 0, file.metadata.num_row_groups
        while first < groups and self._number + (rows := file.metadata.row_group(first).num_rows) <= after:
            self._number += rows
            first += 1
        return list(range(first, groups))

    def _cells(self, column: Any) -> list[Any]:
        types, kind = self._arrow.types, column.type
        if types.is_dictionary(kind):
            return self._cells(column.dictionary_decode())
        if types.is_timestamp(kind):
            digits = _DIGITS[kind.unit]
            counts = column.cast(self._arrow.int64()).to_pylist()
            return [None if count is None else Decimal(count).scaleb(digits) for count in counts]
        if types.is_date(kind):
            return [None if day is None else day.isoformat() for day in column.to_pylist()]
        cells: list[Any] = column.to_pylist()
        return cells


def _pyarrow() -> tuple[Any, Any]:
    # Imported here and by name: it is an extra, and has no types.
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise LabelsError(
            "Reading Parquet needs pyarrow, which is not installed: pip install 'sightglass-ml[labels]'. "
            "CSV files need nothing more."
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
