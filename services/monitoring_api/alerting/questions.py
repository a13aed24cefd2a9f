"""What rules ask, as values: rules that ask the same share one answer, and one scan can answer many."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

FilterValue: TypeAlias = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One figure, or one for each group, over one window.

    Attributes:
        metric: A metric of the catalogue; None for a statement.
        sql: A statement that is asked instead.
        window_seconds: How far the window reaches back from its end.
        end_offset_seconds: How much earlier than the slot it ends.
        filters: Key and value, and-ed, sorted by key; several values mean any of them.
        group_by: The keys that tell its groups apart.
    """

    metric: str | None
    sql: str | None = None
    window_seconds: float = 300.0
    end_offset_seconds: float = 0.0
    filters: tuple[tuple[str, FilterValue], ...] = ()
    group_by: tuple[str, ...] = ()


def filter_pairs(filters: Mapping[str, FilterValue]) -> tuple[tuple[str, FilterValue], ...]:
    """Filters as a question holds them."""
    return tuple(sorted(filters.items()))
