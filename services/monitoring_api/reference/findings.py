"""What somebody who trains on a file should know about it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.monitoring_api.reference.column_summary import ColumnSummary
from services.monitoring_api.reference.distinct import DistinctValues
from services.monitoring_api.reference.document import Finding

_MANY_NULLS: Final = 0.5


def of_columns(columns: Sequence[ColumnSummary]) -> Iterator[Finding]:
    """Columns that say nothing, mostly nothing, or a different thing in each row."""
    for column in columns:
        name = column.name
        if column.nulls == column.rows:
            yield Finding(kind="empty", column=name, message=f"{name} has no value in any row.")
            continue
        if column.distinct.distinct == 1 and not column.nulls:
            yield Finding(kind="constant", column=name, message=f"{name} is the same in every row.")
        if column.null_share > _MANY_NULLS:
            yield Finding(
                kind="nulls", column=name, message=f"{name} has no value in {column.null_share:.1%} of the rows."
            )
        if column.moments.infinite:
            yield Finding(
                kind="infinite",
                column=name,
                message=f"{name} is infinite in {column.moments.infinite:,} rows; they count neither in its mean nor "
                "in its quantiles.",
            )
        if column.is_id:
            every = "almost every" if column.distinct.repeated else "every"
            looked_at = "" if column.distinct.exact else ", as far as a sample of its values tells"
            yield Finding(
                kind="id",
                column=name,
                message=f"{name} is different in {every} row, like an id{looked_at}: --ignore it.",
            )


def of_copies(columns: Sequence[ColumnSummary]) -> Iterator[Finding]:
    """Columns that have the same in every row as one before."""
    first: dict[int, str] = {}
    for column in columns:
        if column.nulls == column.rows or column.distinct.distinct == 1:
            continue
        original = first.setdefault(column.contents, column.name)
        if original != column.name:
            yield Finding(
                kind="copy", column=column.name, message=f"{column.name} has the same value as {original} in every row."
            )


def of_rows(rows: DistinctValues, seen: int) -> Iterator[Finding]:
    """Rows that came before, in every column that was read."""
    if repeated := rows.repeated:
        about = "" if rows.exact else "about "
        yield Finding(
            kind="duplicates",
            message=f"{about}{repeated:,} of {seen:,} rows ({repeated / seen:.2%}) have come before, the same in every "
            "column.",
        )


def of_left_out(left_out: Mapping[str, str]) -> Iterator[Finding]:
    """Columns that hold neither numbers nor names."""
    for name, type_ in left_out.items():
        yield Finding(
            kind="left_out",
            column=name,
            message=f"{name} ({type_}) is left out: it holds neither numbers nor names.",
        )
