"""What `sightglass labels load` is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Format = Literal["csv", "parquet"]

FORMATS: Final[tuple[Format, ...]] = ("csv", "parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Which file, how to read it, and how to send it.

    Args:
        file: A CSV or Parquet file.
        format: How to read it; told by its ending when None.
        id_column: Column of the prediction ids.
        label_column: Column of the true labels.
        time_column: Column of the moments that the labels describe.
        delimiter: What separates a CSV file's columns.
        as_text: Keep a CSV file's labels letter for letter, instead of reading `True` and `1.0` as what they stand for.
        skip_bad: Leave out rows that are no labels, and count them, instead of sending nothing.
        dry_run: Check the whole file and send nothing.
        restart: Begin with the first row, whatever is remembered.
        service_name: The service that the labels come from.
        give_up_seconds: How long to try again while the receiver accepts nothing.
    """

    file: Path
    format: Format | None = None
    id_column: str = "prediction_id"
    label_column: str = "label"
    time_column: str = "observed_at"
    delimiter: str = ","
    as_text: bool = False
    skip_bad: bool = False
    dry_run: bool = False
    restart: bool = False
    service_name: str = "label-loader"
    give_up_seconds: float = 300.0

    @property
    def columns(self) -> tuple[str, str, str]:
        """The columns of id, label and time."""
        return self.id_column, self.label_column, self.time_column
