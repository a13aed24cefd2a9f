"""The groups that rest on most rows, and all others as one."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from services.monitoring_api.queries.series import SeriesRow


class Groups(NamedTuple):
    """The groups that get a series of their own, by their values, and how many groups there are."""

    kept: tuple[tuple[str, ...], ...]
    total: int


def rank(rows: Iterable[SeriesRow], top: int) -> Groups:
    """Those that rest on most rows, first; of equals the first by name."""
    totals: dict[tuple[str, ...], float] = defaultdict(float)
    for row in rows:
        totals[row.group] += row.base
    order = sorted(totals, key=lambda group: (-totals[group], group))
    return Groups(tuple(order[:top]), len(order))


def with_rest(rows: Iterable[SeriesRow], kept: Collection[tuple[str, ...]]) -> list[SeriesRow]:
    """The rows of the groups that are kept, and the sums of all others; only for figures that are sums."""
    kept = set(kept)
    own: list[SeriesRow] = []
    values: dict[int, float | None] = {}
    bases: dict[int, float] = defaultdict(float)
    width = 0
    for row in rows:
        width = len(row.group)
        if row.group in kept:
            own.append(row)
            continue
        bases[row.bucket] += row.base
        before = values.get(row.bucket)
        values[row.bucket] = before if row.value is None else (before or 0.0) + row.value
    rest = (SeriesRow(bucket, values[bucket], base, other=True, group=("",) * width) for bucket, base in bases.items())
    return [*own, *rest]
