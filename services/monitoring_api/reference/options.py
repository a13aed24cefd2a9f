"""What a reference is to be made from, and how."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from services.monitoring_api.reference.document import Task

Format = Literal["csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("csv", "parquet")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """One call of `sightglass reference build`.

    Args:
        file: What to read.
        score: Column of the scores (of a regression: of the predicted values).
        label: Column of the true labels.
        ignore: Columns to leave out.
        category: Columns of numbers that are names.
        task: What the model does; empty: what the labels or scores say.
        format: How to read the file; None: as its ending says.
        delimiter: Of a CSV file.
    """

    file: Path
    score: str | None = None
    label: str | None = None
    ignore: frozenset[str] = frozenset()
    category: frozenset[str] = frozenset()
    task: Task = ""
    format: Format | None = None
    delimiter: str = ","
