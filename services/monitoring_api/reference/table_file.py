"""A file of rows, whatever its format."""

import hashlib
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from services.monitoring_api.reference.arrow import Arrow, Kind
from services.monitoring_api.reference.batch import Batch
from services.monitoring_api.reference.csv_file import CsvFile
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.options import FORMATS, BuildOptions, Format
from services.monitoring_api.reference.parquet_file import ParquetFile

_PARQUET_MAGIC: Final = b"PAR1"
_CHUNK_BYTES: Final = 1 << 20


class TableFile(Protocol):
    """Rows in batches, never all of them in memory."""

    @property
    def names(self) -> Sequence[str]:
        """Every column of the file."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What each column that is read is."""

    @property
    def left_out(self) -> Mapping[str, str]:
        """Columns that hold neither numbers nor names, and what they hold."""

    @property
    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""

    def prepare(self, progress: Callable[[float], None]) -> None:
        """Find out what each column is.

        Raises:
            UnusableFileError: Some row can't be read.
        """

    def batches(self) -> Iterator[Batch]:
        """All rows.

        Raises:
            UnusableFileError: Some row can't be read.
        """


def open_table(options: BuildOptions) -> TableFile:
    """The file to make a reference from.

    Raises:
        UnusableFileError: It can't be read, or has not the columns.
    """
    path = options.file
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnusableFileError(f"{path} is no ordinary file, and it is read more than once: write it to a file.")
        with path.open("rb") as file:
            beginning = file.read(len(_PARQUET_MAGIC))
    except FileNotFoundError:
        raise UnusableFileError(f"{path} does not exist.") from None
    except OSError as error:
        raise UnusableFileError(f"{path} can't be read: {error.strerror}.") from None
    kind = options.format or _format(path)
    if not found.st_size:
        raise UnusableFileError(f"{path} is empty. A CSV file begins with a header that names its columns.")
    if kind == "csv" and beginning == _PARQUET_MAGIC:
        raise UnusableFileError(f"{path} is a Parquet file: say --format parquet.")
    table: TableFile = CsvFile(options, Arrow()) if kind == "csv" else ParquetFile(options, Arrow())
    _check_columns(table, options)
    return table


def sha256(path: Path, progress: Callable[[float], None]) -> str:
    """The file's SHA-256, in hexadecimal digits."""
    digest = hashlib.sha256()
    size = max(path.stat().st_size, 1)
    read = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            read += len(chunk)
            progress(min(read / size, 1.0))
    return digest.hexdigest()


def _format(path: Path) -> Format:
    ending = path.suffix.lower().lstrip(".")
    for kind in FORMATS:
        if ending == kind:
            return kind
    raise UnusableFileError(f"{path} ends neither in .csv nor in .parquet: say --format csv or --format parquet.")


def _check_columns(table: TableFile, options: BuildOptions) -> None:
    names = list(table.names)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UnusableFileError(f"{options.file} has more than one column {twice[0]!r}: name them differently.")
    wanted = [("--score", options.score), ("--label", options.label)]
    wanted += [("--ignore", name) for name in sorted(options.ignore)]
    wanted += [("--category", name) for name in sorted(options.category)]
    for option, name in wanted:
        if name is not None and name not in names:
            there = ", ".join(each if each.isprintable() and each else repr(each) for each in names)
            hint = " It looks separated otherwise: say --delimiter." if len(names) == 1 else ""
            raise UnusableFileError(
                f"{options.file} has no column {name!r}; its columns are: {there}. Name the right one with "
                f"{option}.{hint}"
            )
        if name is not None and option in {"--score", "--label"} and name in options.ignore:
            raise UnusableFileError(f"Column {name!r} can't be both {option} and --ignore: leave one of them away.")
    if options.score is not None and options.score == options.label:
        raise UnusableFileError(f"Column {options.score!r} can't be both --score and --label: name two columns.")
    if options.score in options.category:
        raise UnusableFileError(f"Column {options.score!r} can't be both --score and --category: scores are numbers.")
