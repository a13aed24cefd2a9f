"""Whether a column of text holds numbers."""

from typing import Any, Final

from services.monitoring_api.reference.arrow import Arrow, Kind
from services.monitoring_api.reference.errors import UnusableFileError

# What stands in columns of numbers where there is none. In a column of names they are names: NA is North America.
NULLS: Final = ("", "null", "NULL", "None", "nan", "NaN", "NAN", "NA", "N/A", "n/a", "#N/A")
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf(inity)?)$"
_MOSTLY: Final = 0.95
_SURE_AFTER: Final = 50_000


class ColumnKind:
    """Looks at a column's cells piece by piece.

    Args:
        arrow: What looks.
        name: The column's, for messages.
    """

    def __init__(self, arrow: Arrow, name: str) -> None:
        self._arrow = arrow
        self._name = name
        self._numbers = 0
        self._others = 0
        self._first: tuple[int, str] | None = None

    def look(self, column: Any, first_row: int) -> None:
        """Look at more cells, which come after so many rows."""
        if self._numbers + self._others > _SURE_AFTER and self._numbers < self._others:
            return
        compute, all_ = self._arrow.compute, self._arrow.all
        trimmed = compute.utf8_trim_whitespace(column)
        something = compute.invert(
            compute.or_kleene(compute.is_null(trimmed), compute.is_in(trimmed, all_.array(NULLS)))
        )
        number = compute.match_substring_regex(trimmed, _NUMBER)
        other = compute.and_(something, compute.invert(compute.fill_null(number, fill_value=True)))
        others = compute.sum(other).as_py() or 0
        self._numbers += (compute.sum(something).as_py() or 0) - others
        self._others += others
        if others and self._first is None:
            place = compute.index(other, value=True).as_py()
            self._first = first_row + place + 1, trimmed[place].as_py()

    def decided(self, *, must_be_number: bool, may_be_mixed: bool) -> Kind:
        """What the column is, after all its cells.

        Args:
            must_be_number: Nothing but numbers will do.
            may_be_mixed: A few that are no numbers make it a column of names.

        Raises:
            UnusableFileError: It is a column of numbers but for a few cells.
        """
        if self._first is None:
            return "number"
        row, text = self._first
        shown = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004  (enough to recognise it)
        if must_be_number:
            raise UnusableFileError(
                f"Row {row:,} has {shown!r} in column {self._name!r}, which is no number, and scores are: mend the "
                "file, or name another column with --score."
            )
        if not may_be_mixed and self._numbers >= _MOSTLY * (self._numbers + self._others):
            raise UnusableFileError(
                f"Row {row:,} has {shown!r} in column {self._name!r}, whose other cells are numbers "
                f"({self._others:,} of {self._numbers + self._others:,} are not): mend the file, or say --category "
                f"{self._name} where they are names, or --ignore {self._name}."
            )
        return "category"
