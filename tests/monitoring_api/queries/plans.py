"""What the engine says it will read for a question."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.monitoring_api.database import Query


@dataclass(frozen=True)
class IndexUse:
    """What one index leaves of what the indexes before it left, in granules and parts.

    Args:
        name: Its kind (``Partition``, ``PrimaryKey``...), of a skip index its name.
        keys: The columns it goes by.
    """

    name: str
    keys: Sequence[str]
    chosen: int
    before: int
    parts: int
    parts_before: int


@dataclass(frozen=True)
class Read:
    """One table of a statement that is read from parts, with its indexes in the order of their use."""

    table: str
    uses: Sequence[IndexUse]

    @property
    def stored(self) -> int:
        """Granules that the table has."""
        return self.uses[0].before if self.uses else 0

    @property
    def chosen(self) -> int:
        """Granules that are read."""
        return self.uses[-1].chosen if self.uses else 0

    def use(self, name: str) -> IndexUse | None:
        """What an index does, if it is used."""
        return next((use for use in self.uses if use.name == name), None)


def reads(store, query: Query) -> list[Read]:
    """Every table that is read from parts; one of which nothing is left after its indexes is not among them."""
    rows = store.rows(f"EXPLAIN json = 1, indexes = 1 {query.sql}", query.parameters)
    (plan,) = json.loads("".join(row[0] for row in rows))
    return [
        Read(node["Description"].removeprefix("otel."), [_use(each) for each in node.get("Indexes", [])])
        for node in _nodes(plan["Plan"])
        if node["Node Type"] == "ReadFromMergeTree"
    ]


def index_uses(store, query: Query) -> dict[str, tuple[int, int, Sequence[str]]]:
    """For each index of the first table that uses it: granules chosen, granules before, and what it goes by."""
    found: dict[str, tuple[int, int, Sequence[str]]] = {}
    for read in reads(store, query):
        for use in read.uses:
            found.setdefault(use.name, (use.chosen, use.before, use.keys))
    return found


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def _use(index: Mapping[str, Any]) -> IndexUse:
    return IndexUse(
        index.get("Name", index["Type"]),
        index.get("Keys", []),
        index["Selected Granules"],
        index["Initial Granules"],
        index["Selected Parts"],
        index["Initial Parts"],
    )
