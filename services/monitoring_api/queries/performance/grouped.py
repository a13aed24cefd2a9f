"""Rows with labels, in groups: how the statements of this package are put together and asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database, Query

Group = tuple[Any, ...]

# Of binary rows: whether the label was the positive class, what was decided, and the score, each with whether the row
# counts for it. A negative zero is a zero, so that both are one score.
BINARY_COLUMNS: Final[Mapping[str, str]] = {
    "labelled": "Labelled",
    "correct": "Correct",
    "hit": "ifNull(Actual, 0)",
    "decided": "ifNull(ifNull(Positive, Score >= 0.5), 0)",
    "judged": "Actual IS NOT NULL AND ifNull(Positive, Score >= 0.5) IS NOT NULL",
    "ranked": "ifNull(Actual IS NOT NULL AND isFinite(Score), 0)",
    "probable": "ranked AND Score BETWEEN 0 AND 1",
    "score": "ifNull(Score, 0) + 0.0",
}


def mean_of(term: str, condition: str) -> str:
    """SQL for the mean of a term over the rows of a condition; compensated, so that the order of rows hardly counts."""
    return f"sumKahanIf({term}, {condition}) / countIf({condition})"


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows to measure, and what to measure them by.

    Args:
        database: Whom to ask.
        rows: SQL after FROM, with the columns of `outcomes.joined`.
        parameters: The values that it needs, and the groups.
        groups: SQL expressions over its columns; each group is one combination of their values.
    """

    database: Database
    rows: str
    parameters: Mapping[str, Any]
    groups: tuple[str, ...] = ()

    @property
    def keys(self) -> list[str]:
        """The names of the groups' columns."""
        return [f"group_{number}" for number in range(len(self.groups))]

    def select(self, columns: Mapping[str, str], where: str = "") -> str:
        """A statement that gives the groups' columns and these, by name; rows that `where` names, or all."""
        named = [*zip(self.groups, self.keys, strict=True), *((sql, name) for name, sql in columns.items())]
        return (
            f"SELECT {', '.join(f'{sql} AS `{name}`' for sql, name in named)}\n"  # noqa: S608  (texts of ours)
            f"FROM (SELECT * FROM {self.rows})" + (f"\nWHERE {where}" if where else "")
        )

    def aggregate(self, source: str, columns: Mapping[str, str], *, by: Sequence[str] = (), where: str = "") -> str:
        """A statement that aggregates another one by its groups, and by more of its columns."""
        keys = [*self.keys, *by]
        return (
            f"SELECT {', '.join([*keys, *(f'{sql} AS `{name}`' for name, sql in columns.items())])}\n"
            f"FROM (\n{source}\n)"
            + (f"\nWHERE {where}" if where else "")
            + (f"\nGROUP BY {', '.join(keys)}" if keys else "")
        )

    def of_each(self, source: str, columns: Mapping[str, str], *, where: str = "") -> str:
        """A statement that computes columns of each row of another one."""
        named = [*self.keys, *(f"{sql} AS `{name}`" for name, sql in columns.items())]
        return f"SELECT {', '.join(named)}\nFROM (\n{source}\n)" + (f"\nWHERE {where}" if where else "")

    def whole(self) -> str:
        """The window of all of a group's rows."""
        return f"(PARTITION BY {', '.join(self.keys)})" if self.groups else "()"

    async def ask(self, statement: str, columns: Sequence[str]) -> list[tuple[Group, dict[str, Any]]]:
        """The answer's rows, in the order of the groups: each row's group, and its other columns by name."""
        order = f"\nORDER BY {', '.join(self.keys)}" if self.groups else ""
        width = len(self.groups)
        answer = await self.database.fetch(Query(statement + order, self.parameters))
        return [(tuple(row[:width]), dict(zip(columns, row[width:], strict=True))) for row in answer]

    async def ask_by_group(self, statement: str, columns: Sequence[str]) -> dict[Group, dict[str, Any]]:
        """The answer of one row to a group."""
        return dict(await self.ask(statement, columns))
