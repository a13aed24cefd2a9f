"""A CSV file, block by block."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from services.monitoring_api.reference.arrow import Arrow, Kind, first_line
from services.monitoring_api.reference.batch import Batch
from services.monitoring_api.reference.column_kind import NULLS, ColumnKind
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.options import BuildOptions

_BLOCK_BYTES: Final = 1 << 21
_MOST_BATCH_ROWS: Final = 1 << 16


class CsvFile:
    """Rows of a CSV file in UTF-8 with a header.

    It is read twice: what a column is, only its last row tells.

    Args:
        options: The file and how to read it.
        arrow: What reads it.

    Raises:
        UnusableFileError: It has no header that can be read.
    """

    def __init__(self, options: BuildOptions, arrow: Arrow) -> None:
        self._options = options
        self._arrow = arrow
        self.kinds: dict[str, Kind] = {}
        self.left_out: dict[str, str] = {}
        self._bytes = max(options.file.stat().st_size, 1)
        self._read = 0
        self._bad_row: tuple[int | None, int, int] | None = None
        with options.file.open("rb") as file:
            # The header alone, as a file without rows.
            first = file.readline(_BLOCK_BYTES).rstrip(b"\r\n")
        try:
            with self._reader(arrow.all.BufferReader(first + b"\n")) as header:
                self.names: list[str] = header.schema.names
        except arrow.all.ArrowException as error:
            raise UnusableFileError(
                f"{options.file} has no header that can be read: {first_line(error)}. Its first line names the columns."
            ) from None

    @property
    def share(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return min(self._read / self._bytes, 1.0)

    def prepare(self, progress: Callable[[float], None]) -> None:
        """Look at every cell: a column whose cells are all numbers, or nothing, holds numbers."""
        found = {
            name: ColumnKind(self._arrow, name)
            for name in self.names
            if name not in self._options.ignore and name not in self._options.category
        }
        for first_row, table in self._tables():
            for name, each in found.items():
                each.look(table.column(name), first_row)
            progress(self.share)
        self.kinds = {
            name: found[name].decided(
                must_be_number=name == self._options.score, may_be_mixed=name == self._options.label
            )
            if name in found
            else "category"
            for name in self.names
            if name not in self._options.ignore
        }

    def batches(self) -> Iterator[Batch]:
        """All rows."""
        for first_row, table in self._tables():
            yield Batch(
                first_row,
                table.num_rows,
                {
                    name: self._arrow.cells(self._typed(table.column(name), kind), kind)
                    for name, kind in self.kinds.items()
                },
            )

    def _typed(self, column: Any, kind: Kind) -> Any:
        compute, all_ = self._arrow.compute, self._arrow.all
        if kind == "category":
            return column
        trimmed = compute.utf8_trim_whitespace(column)
        nothing = compute.is_in(trimmed, value_set=all_.array(NULLS))
        return compute.if_else(nothing, all_.scalar(None, all_.string()), trimmed).cast(all_.float64())

    def _tables(self) -> Iterator[tuple[int, Any]]:
        """Record batches of text, each with the number of rows before it."""
        row = 0
        self._read = 0
        self._bad_row = None
        try:
            # Closed in any case: a thread of its that still reads when Python ends would abort the process.
            with self._options.file.open("rb") as file, self._reader(file) as tables:
                for table in tables:
                    self._read = file.tell()
                    for start in range(0, table.num_rows, _MOST_BATCH_ROWS):
                        part = table.slice(start, _MOST_BATCH_ROWS)
                        yield row, part
                        row += part.num_rows
        except (self._arrow.all.ArrowException, OSError, UnicodeDecodeError) as error:
            raise UnusableFileError(self._sentence(error, row)) from None

    def _reader(self, source: Any) -> Any:
        csv, text = self._arrow.csv, self._arrow.all.string()
        names = getattr(self, "names", ())
        return csv.open_csv(
            source,
            # One thread, so that a bad row has its number.
            csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            csv.ParseOptions(
                delimiter=self._options.delimiter, newlines_in_values=True, invalid_row_handler=self._remember
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, text),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _remember(self, row: Any) -> str:
        self._bad_row = (row.number, row.actual_columns, row.expected_columns)
        return "error"

    def _sentence(self, error: BaseException, row: int) -> str:
        file = self._options.file
        if self._bad_row is not None:
            number, actual, expected = self._bad_row
            where = "A row" if number is None else f"Line {number:,}"
            return (
                f"{file}: {where} has {actual} cells, and the header {expected}: quote a cell that has the delimiter "
                "or a line break in it, or say --delimiter."
            )
        if "UTF8" in str(error) or "UTF-8" in str(error):
            return f"{file} is not UTF-8 in the rows after {row:,}: save it as UTF-8."
        return f"{file} can't be read after row {row:,}: {first_line(error)}. Is a quote never closed?"
