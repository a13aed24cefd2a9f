"""A file of labels, whatever its format."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from sightglass.labels.csv_table import CsvTable
from sightglass.labels.errors import LabelsError
from sightglass.labels.options import FORMATS, Format, LoadOptions
from sightglass.labels.parquet_table import ParquetTable
from sightglass.labels.row import Row

_PARQUET_MAGIC: Final = b"PAR1"


class Table(Protocol):
    """Rows that can be read more than once, never all of them in memory."""

    @property
    def typed(self) -> bool:
        """The file has types, so that text is meant as text."""

    @property
    def share(self) -> float:
        """How much of the file the latest `rows` has read, from 0 to 1."""

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All rows but the first `after`."""


def open_table(options: LoadOptions) -> tuple[Table, os.stat_result]:
    """The file of labels, and what it is at this moment.

    Raises:
        LabelsError: It cannot be read, or has not the columns.
    """
    path = options.file
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise LabelsError(f"{path} is no ordinary file, and it is read more than once. Write it to a file first.")
        with path.open("rb") as file:
            beginning = file.read(len(_PARQUET_MAGIC))
    except FileNotFoundError:
        raise LabelsError(f"{path} does not exist.") from None
    except OSError as error:
        raise LabelsError(f"{path} cannot be read: {error.strerror}.") from None
    kind = options.format or _kind(path)
    if not found.st_size:
        raise LabelsError(f"{path} is empty. A CSV file begins with a header that names its columns.")
    if kind == "csv" and beginning == _PARQUET_MAGIC:
        raise LabelsError(f"{path} is a Parquet file. Say --format parquet.")
    return (CsvTable(options) if kind == "csv" else ParquetTable(options)), found


def _kind(path: Path) -> Format:
    ending = path.suffix.lower().lstrip(".")
    for kind in FORMATS:
        if ending == kind:
            return kind
    raise LabelsError(f"{path} ends neither in .csv nor in .parquet. Say --format csv or --format parquet.")
