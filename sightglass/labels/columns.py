"""Where in a file the three columns of a label are."""

from collections.abc import Sequence

from sightglass.labels.errors import LabelsError
from sightglass.labels.options import LoadOptions


def column_indexes(names: Sequence[str], options: LoadOptions, hint: str = "") -> tuple[int, int, int]:
    """The places of id, label and time among a file's columns.

    Args:
        names: The file's columns.
        options: The columns wanted.
        hint: A sentence for whoever finds a column missing.

    Raises:
        LabelsError: One is missing, or there twice.
    """
    wanted = (
        ("--id-column", options.id_column),
        ("--label-column", options.label_column),
        ("--time-column", options.time_column),
    )
    there = ", ".join(map(_printable, names))
    for option, name in wanted:
        if name not in names:
            raise LabelsError(
                f"{options.file} has no column {name!r}. Its columns are: {there}. "
                f"Name the right one with {option}.{hint}"
            )
        if names.count(name) > 1:
            raise LabelsError(f"{options.file} has more than one column {name!r}. Name the columns differently.")
    first, second, third = (names.index(name) for _, name in wanted)
    return first, second, third


def _printable(name: str) -> str:
    """A name that can be printed, whatever the file had in it."""
    return name if name.isprintable() and name else repr(name)
