"""A CSV file of labels, row by row."""

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO, Final

from sightglass.labels.columns import column_indexes
from sightglass.labels.errors import LabelsError
from sightglass.labels.options import LoadOptions
from sightglass.labels.row import Row

_LONGEST_LINE_BYTES: Final = 1 << 24
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_OTHER_DELIMITERS: Final = {";": "';'", "\t": "tab", "|": "'|'"}


class CsvTable:
    """Rows of a CSV file in UTF-8, with or without byte order mark, with a header. Blank lines are no rows.

    Args:
        options: The file and how to read it.

    Raises:
        LabelsError: It is no such file, or has not the columns.
    """

    typed = False

    def __init__(self, options: LoadOptions) -> None:
        self._options = options
        with options.file.open("rb") as file:
            self._bytes = max(file.seek(0, 2), 1)
            file.seek(0)
            if file.read(2) in _UTF_16:
                raise LabelsError(f"{options.file} is UTF-16. Save it as UTF-8.")
        self._read = 0
        for _ in self.rows():
            break
        self._read = 0

    @property
    def share(self) -> float:
        """How much of the file the latest `rows` has read, from 0 to 1."""
        return min(self._read / self._bytes, 1.0)

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All rows but the first `after`.

        Raises:
            LabelsError: The quoting is broken, so that nobody can say where the next row begins.
        """
        with self._options.file.open("rb") as file:
            # Strict, so that a quote that is never closed is an error instead of one long cell.
            reader = csv.reader(self._lines(file), delimiter=self._options.delimiter, strict=True)
            number, line = 0, 1
            try:
                header = next(reader, [])
                places = column_indexes([name.strip() for name in header], self._options, self._hint(header))
                line = reader.line_num + 1
                for cells in reader:
                    begins, line = line, reader.line_num + 1
                    if not cells:
                        continue
                    number += 1
                    if number > after:
                        yield _row(number, begins, cells, len(header), places)
            except csv.Error as error:
                raise LabelsError(
                    f"{self._options.file}: row {number + 1:,} (line {line:,}) cannot be read: {error}. "
                    "A cell with a quote, a line break or the delimiter in it must be quoted, and its quotes written "
                    "twice. "
                    "--skip-bad does not help, for nobody can say where the next row begins."
                ) from None

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        """The lines, with what is not UTF-8 kept recognisable: it matters only in the columns that are used."""
        self._read = 0
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        while line := file.readline(_LONGEST_LINE_BYTES):
            if len(line) == _LONGEST_LINE_BYTES:
                raise LabelsError(
                    f"{self._options.file} has a line of over {_LONGEST_LINE_BYTES:,} bytes: it is no CSV file."
                )
            self._read += len(line)
            yield line.decode(errors="surrogateescape")

    def _hint(self, header: list[str]) -> str:
        if len(header) == 1:
            for character, option in _OTHER_DELIMITERS.items():
                if character in header[0]:
                    return f" It looks separated by {option}: say --delimiter {option}."
        return ""


def _row(number: int, line: int, cells: list[str], width: int, places: tuple[int, int, int]) -> Row:
    if len(cells) != width:
        return Row(
            number, line, None, f"has {len(cells)} cells, and the header {width}: quote a cell with a delimiter in it"
        )
    first, second, third = places
    return Row(number, line, (cells[first], cells[second], cells[third]))
