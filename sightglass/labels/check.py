"""Reads a whole file of labels before any of it is sent."""

from dataclasses import dataclass
from typing import Final

from sightglass.labels.errors import BadRowError
from sightglass.labels.options import LoadOptions
from sightglass.labels.progress import Progress
from sightglass.labels.row import read_label
from sightglass.labels.table import Table

_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Findings:
    """What a file holds.

    Args:
        rows: Its rows.
        bad: Those that are no labels.
        examples: Where the first of them are, and what is wrong with them.
    """

    rows: int
    bad: int
    examples: tuple[str, ...]

    def describe(self) -> str:
        """The bad rows, a line each."""
        lines = [f"  {example}" for example in self.examples]
        if (more := self.bad - len(lines)) > 0:
            lines.append(f"  … and {more:,} more")
        return "\n".join(lines)


def check(table: Table, options: LoadOptions, progress: Progress) -> Findings:
    """Read every row.

    Raises:
        LabelsError: The file can't be read to its end.
    """
    progress.begin("Checking")
    rows = bad = 0
    examples: list[str] = []
    for row in table.rows():
        rows += 1
        try:
            read_label(row, options, typed=table.typed)
        except BadRowError as error:
            bad += 1
            if len(examples) < _SHOWN:
                examples.append(f"{row.place}: {error}")
        progress.update(rows, table.share)
    progress.clear()
    return Findings(rows, bad, tuple(examples))
