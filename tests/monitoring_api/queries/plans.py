"""What the engine says it will read for a question."""

import re
from collections.abc import Sequence

from services.monitoring_api.database import Query


def index_uses(store, query: Query) -> dict[str, tuple[int, int, Sequence[str]]]:
    """For each index of the first table read: granules chosen, granules before, and the columns or name it goes by."""
    lines = [row[0].strip(" │├└─") for row in store.rows(f"EXPLAIN indexes = 1 {query.sql}", query.parameters)]
    found: dict[str, tuple[int, int, list[str]]] = {}
    kind, names = "", []
    for line in lines:
        if line in {"Min-Max", "Partition", "PrimaryKey", "Skip"}:
            kind, names = line, []
        elif name := re.fullmatch(r"Name: (\w+)|(\w+)", line):
            names.append(name[1] or name[2])
        elif granules := re.fullmatch(r"Granules: (\d+)/(\d+)", line):
            key = names[0] if kind == "Skip" else kind
            found.setdefault(key, (int(granules[1]), int(granules[2]), names))
    return found
