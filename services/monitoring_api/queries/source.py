"""What a metric is measured on: rows, the dimensions they have, and what can be summed up of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_SUM: Final = "sum({})"


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something to group and filter by.

    Args:
        name: What people call it.
        raw: SQL for it over raw rows.
        rollup: Its column in the rollup; None where only raw rows know it.
    """

    name: str
    raw: str
    rollup: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that merges: over groups, minutes, and rollup and raw together.

    Args:
        name: Its alias in SQL.
        raw: SQL that aggregates raw rows to a mergeable state.
        merge: SQL that merges such states, with ``{}`` for the state.
        rollup: SQL that aggregates rollup rows to the same state.
        finished: The column of the source's finished table that holds the figure for one group of it, if there is one.
        exact: SQL that takes the exact figure straight from raw rows, where ``merge`` over ``raw`` is not exact.
        error_bound: The largest relative error of a merged figure; 0 when it is exact.
        longer_only: Whether only the longer buckets of a rollup hold the state.
    """

    name: str
    raw: str
    merge: str = _SUM
    rollup: str | None = None
    finished: str | None = None
    exact: str | None = None
    error_bound: float = 0.0
    longer_only: bool = False

    @property
    def is_sum(self) -> bool:
        """Whether states merge by adding them."""
        return self.merge == _SUM


@dataclass(frozen=True, slots=True)
class Finished:
    """Figures that need no merging: one row for each bucket and group of the groupings that are asked for most.

    Args:
        table: Where they are.
        groupings: For each, the dimensions that it tells apart; all others are summed over.
    """

    table: str
    groupings: tuple[frozenset[str], ...]

    def name(self, grouping: Iterable[str]) -> str:
        """What the column GroupedBy calls a grouping."""
        return ",".join(sorted(grouping))


@dataclass(frozen=True, slots=True)
class Rollup:
    """Finished buckets of a source, and finished longer ones: minutes and quarters of an hour, or quarters and days.

    Args:
        table: Where the buckets are; a row's time is in ``Minute``.
        kind: What marks in ``rollup_dirty`` call them.
        longer: Where the longer ones are, with the same columns, but for finished percentiles.
        longer_kind: What marks call these.
        finished: What needs no merging, where there is such.
        seconds: How long a bucket is.
        longer_seconds: How long a longer one is.
        behind: Besides these marks, which others tell that a bucket may be behind.
        of_outcomes: Whether labels, and new bins of scores, make buckets dirty too.
    """

    table: str
    kind: str
    longer: str
    longer_kind: str
    finished: Finished | None = None
    seconds: int = 60
    longer_seconds: int = 900
    behind: tuple[str, ...] = ()
    of_outcomes: bool = False

    @property
    def unfinished_kind(self) -> str:
        """What marks call quarters of which nothing is in the finished table yet."""
        return f"{self.kind}_finished"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that metrics are measured on.

    Args:
        name: What it is called in answers' documentation.
        rows: SQL after FROM: each row once, however often it was delivered; may use ``{from_ns:Int64}`` and
            ``{to_ns:Int64}``, the whole range, ``{as_of_us:Int64}``, up to when what arrived counts, and ``{when}`` in
            place of conditions on the rows that it is made of.
        prepared: SQL after FROM for the same rows as far as their buckets are finished, with ``{when}``.
        states: Makes of ``rows`` what states of measures are made of, where that is more.
        time: Its time column (DateTime64) in raw rows.
        minute: A column with the time's minute that an index knows, if there is one.
        where: Conditions that every row meets.
        dimensions: By name.
        rollup: Finished minutes, if any are kept.
        defaults: Filters that apply unless the dimension is filtered or grouped by: dimension -> value.
        settle_seconds: How old rows must be before they are judged; younger ones are left out.
        of_events: Whether its rows come as events, by the queue of logs, and not as spans.
        arrived: The column with a row's arrival, if it has one: what was there at a time can be asked again.
    """

    name: str
    rows: str
    time: str
    dimensions: Mapping[str, Dimension]
    prepared: str | None = None
    states: Callable[[str], str] | None = None
    minute: str | None = None
    where: tuple[str, ...] = ()
    rollup: Rollup | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    settle_seconds: int = 0
    of_events: bool = False
    arrived: str | None = None

    @property
    def finished(self) -> Finished:
        """What needs no merging, for whoever asks only where there is such.

        Raises:
            TypeError: There is none.
        """
        if self.rolled_up.finished is None:
            raise TypeError(f"of {self.name} nothing is kept finished")
        return self.rolled_up.finished

    @property
    def rolled_up(self) -> Rollup:
        """The rollup, for whoever asks only where there is one.

        Raises:
            TypeError: There is none.
        """
        if self.rollup is None:
            raise TypeError(f"{self.name} are not rolled up")
        return self.rollup


def dimensions(*entries: Dimension) -> dict[str, Dimension]:
    """Dimensions by name."""
    return {entry.name: entry for entry in entries}


def groupings(*each: Iterable[str]) -> tuple[frozenset[str], ...]:
    """Groupings by the names of their dimensions."""
    return tuple(map(frozenset, each))
