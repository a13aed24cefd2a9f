"""One row of a file as a label, or why it is none."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sightglass.labels.errors import BadRowError
from sightglass.labels.observed_time import observed_nanoseconds
from sightglass.labels.options import LoadOptions
from sightglass.text import MAX_NAME_CHARACTERS, clean_text

_LONGEST_SHOWN: Final = 60
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,15}\.0*", re.ASCII)
_BOOLEANS: Final = {"True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in the file.

    Args:
        number: Its number, the first one after the header being 1.
        line: The line it begins on, where the file has lines.
        cells: Id, label and time; None when the row could not be taken apart.
        fault: Why it could not.
    """

    number: int
    line: int | None
    cells: tuple[Any, Any, Any] | None
    fault: str = ""

    @property
    def place(self) -> str:
        """Where a person finds it."""
        return f"row {self.number:,}" if self.line is None else f"row {self.number:,} (line {self.line:,})"


@dataclass(frozen=True, slots=True)
class Label:
    """What turned out to be true of a prediction.

    Args:
        prediction_id: The prediction's id.
        value: A class or a number, for `record_label`.
        observed_at_ns: The moment it describes, nanoseconds since the epoch.
    """

    prediction_id: str
    value: Any
    observed_at_ns: int


def read_label(row: Row, options: LoadOptions, *, typed: bool) -> Label:
    """The label that a row states.

    Args:
        row: The row.
        options: Names of the columns, and how to read them.
        typed: The file has types, so that text is meant as text.

    Raises:
        BadRowError: It states none.
    """
    if row.cells is None:
        raise BadRowError(row.fault)
    identifier, value, moment = (_decoded(cell) for cell in row.cells)
    name = _prediction_id(identifier, options.id_column)
    if _is_empty(value):
        raise BadRowError(f"{options.label_column} is empty")
    label = _label(value, options.label_column, as_text=typed or options.as_text)
    if _is_empty(moment):
        raise BadRowError(f"{options.time_column} is empty: every label needs the moment that it describes")
    try:
        return Label(name, label, observed_nanoseconds(moment))
    except ValueError as error:
        raise BadRowError(f"{options.time_column} {_shown(moment)} {error}") from None


def _decoded(cell: Any) -> Any:
    """Bytes as the text that they mostly are."""
    if not isinstance(cell, bytes):
        return cell
    return cell.decode(errors="surrogateescape")


def _is_empty(cell: Any) -> bool:
    return (
        cell is None or (isinstance(cell, float) and math.isnan(cell)) or (isinstance(cell, str) and not cell.strip())
    )


def _prediction_id(cell: Any, column: str) -> str:
    if _is_empty(cell):
        raise BadRowError(f"{column} is empty")
    if isinstance(cell, bool) or not isinstance(cell, str | int | UUID):
        raise BadRowError(f"{column} {_shown(cell)} is neither text nor a whole number")
    return _storable_text(str(cell).strip(), column)


def _label(cell: Any, column: str, *, as_text: bool) -> Any:
    if isinstance(cell, str):
        text = _storable_text(cell.strip(), column)
        if as_text:
            return text
        return float(text) if _WHOLE_NUMBER.fullmatch(text) else _BOOLEANS.get(text, text)
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else format(cell.normalize(), "f")
    if isinstance(cell, bool | int) or (isinstance(cell, float) and math.isfinite(cell)):
        return cell
    raise BadRowError(f"{column} {_shown(cell)} is neither text nor a finite number")


def _storable_text(text: str, column: str) -> str:
    if clean_text(text, MAX_NAME_CHARACTERS)[1]:
        if len(text) > MAX_NAME_CHARACTERS:
            raise BadRowError(f"{column} {_shown(text)} is longer than {MAX_NAME_CHARACTERS} characters")
        raise BadRowError(f"{column} {_shown(text)} is not UTF-8, or has a NUL: save the file as UTF-8")
    return text


def _shown(cell: Any) -> str:
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
