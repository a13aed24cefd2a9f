"""Room on the disk, what the tables take of it, and what had to go for want of room."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from services.monitoring_api.database import Query
from services.monitoring_api.queries.maintained import LEAST_FREE_BYTES, TRACES_LOST_AT
from services.monitoring_api.queries.pipeline.raw_days import RawDay, droppable
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns, rfc3339

_SPACE: Final = "SELECT min(free_space), min(total_space) FROM system.disks WHERE total_space > 0 HAVING count() > 0"

# A part knows its oldest row where that decides its partition. Partitions of predictions and labels are months, told by
# their ids; those of other ids lie in January 1970.
_TABLES: Final = """SELECT
    replaceRegexpOne(table, '_local$', '') AS Name, sum(rows), sum(bytes_on_disk),
    toString(minOrNull(multiIf(
        toUnixTimestamp(min_time) >= 86400, toDate(min_time),
        match(partition_id, '^[0-9]{6}$') AND partition_id != '197001',
            toDateOrNull(concat(substring(partition_id, 1, 4), '-', substring(partition_id, 5, 2), '-01')),
        NULL
    )))
FROM system.parts
WHERE active
    AND database = currentDatabase()
GROUP BY Name
ORDER BY sum(bytes_on_disk) DESC, Name"""

# How much must be free before ClickHouse takes an insert, where a table says so.
_FLOORS: Final = """SELECT
    replaceRegexpOne(name, '_local$', ''),
    toUInt64OrZero(extract(engine_full, 'min_free_disk_bytes_to_perform_insert = ([0-9]+)')) AS Bytes,
    toFloat64OrZero(extract(engine_full, 'min_free_disk_ratio_to_perform_insert = ([0-9.]+)')) AS Ratio
FROM system.tables
WHERE database = currentDatabase()
    AND (Bytes > 0 OR Ratio > 0)
ORDER BY name"""

_DROPS: Final = """SELECT Table, toString(Day), Rows, Bytes, toUnixTimestamp64Micro(DroppedAt) * 1000
FROM raw_drops
WHERE DroppedAt >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
ORDER BY DroppedAt DESC
LIMIT 1000"""

_TOLD_FOR: Final = timedelta(days=1)
_NEARLY_FULL: Final = 0.05
# ClickHouse sets aside what an insert may take, 1 MiB at least.
_FULL_BYTES: Final = 16 << 20
_MOST_NAMED: Final = 6


class DiskRows(NamedTuple):
    """The answers to the questions about the disk.

    Args:
        space: To `space_query`.
        tables: To `tables_query`.
        floors: To `floors_query`.
        drops: To `drops_query`.
    """

    space: Sequence[Sequence[Any]]
    tables: Sequence[Sequence[Any]]
    floors: Sequence[Sequence[Any]]
    drops: Sequence[Sequence[Any]]


def space_query() -> Query:
    """Free and total bytes of the disk that is nearest to full."""
    return Query(_SPACE)


def tables_query() -> Query:
    """Rows (duplicates included until they are merged), bytes and oldest day of each table, the largest first."""
    return Query(_TABLES)


def floors_query() -> Query:
    """Tables that take no insert while less than so many bytes, or less than such a share of the disk, is free."""
    return Query(_FLOORS)


def drops_query(now: datetime) -> Query:
    """Days of raw rows that were dropped within a day for want of room, the last first."""
    return Query(_DROPS, {"since_us": epoch_ns(now - _TOLD_FOR) // 1_000})


def disk_document(rows: DiskRows, days: Sequence[RawDay], state: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """Disk use as a part of the answer.

    Args:
        rows: What ClickHouse says.
        days: Days of raw rows.
        state: What the maintenance process remembers.
        now: The time.
    """
    free, total = (int(rows.space[0][0]), int(rows.space[0][1])) if rows.space else (None, None)
    lost = state.get(TRACES_LOST_AT, 0)
    return {
        "free_bytes": free,
        "total_bytes": total,
        "least_free_bytes": state.get(LEAST_FREE_BYTES),
        "droppable_bytes": sum(each.size for each in droppable(days, now)),
        "refusing": [
            str(name)
            for name, floor, ratio in rows.floors
            if free is not None and total is not None and free < max(int(floor), float(ratio) * total)
        ],
        "tables": [
            {
                "table": str(name),
                "rows": int(count),
                "bytes": int(size),
                "bytes_per_row": round(int(size) / int(count), 1) if int(count) else None,
                "oldest_day": oldest,
            }
            for name, count, size, oldest in rows.tables
        ],
        "dropped": [
            {"table": str(name), "day": str(day), "rows": int(count), "bytes": int(size), "at": rfc3339(int(at))}
            for name, day, count, size, at in rows.drops
        ],
        "traces_lost_at": rfc3339(lost * NANOSECONDS) if lost >= (now - _TOLD_FOR).timestamp() else None,
    }


def disk_failures(disk: Mapping[str, Any]) -> list[str]:
    """Why nothing can be stored, or soon will not be: a person has to do something."""
    failures = []
    free, least = disk["free_bytes"], disk["least_free_bytes"]
    waits = "reading goes on, and the Collector keeps in its queue what it can't store"
    if disk["refusing"]:
        names = ", ".join(disk["refusing"][:_MOST_NAMED])
        failures.append(f"ClickHouse refuses rows, for its disk has too little free space ({names}): {waits}")
    if free is not None and free < _FULL_BYTES:
        failures.append(f"the disk is full, free some space: {waits}")
    elif free is not None and least and free < least and not disk["droppable_bytes"]:
        failures.append(
            f"{_size(free)} of the disk are free, {_size(least)} are to stay so, and no day of raw rows is left to "
            "drop: free some space, or move ClickHouse to a larger disk"
        )
    return failures


def disk_warnings(disk: Mapping[str, Any]) -> list[str]:
    """What is amiss about the disk and is being dealt with."""
    warnings = []
    free, total, least = disk["free_bytes"], disk["total_bytes"], disk["least_free_bytes"]
    if total and free < _NEARLY_FULL * total:
        warnings.append(f"the disk is {1 - free / total:.0%} full")
    if free is not None and least and free < least and disk["droppable_bytes"]:
        warnings.append(
            f"{_size(free)} of the disk are free, {_size(least)} are to stay so: the oldest days of raw rows go"
        )
    dropped = disk["dropped"]
    if dropped:
        named = [f"{each['table']} of {each['day']}" for each in dropped[:_MOST_NAMED]]
        more = [f"{len(dropped) - _MOST_NAMED} more"] if len(dropped) > _MOST_NAMED else []
        warnings.append(
            f"the disk was filling, so raw rows were dropped, last at {dropped[0]['at']}: {', '.join(named + more)}"
        )
    if disk["traces_lost_at"]:
        warnings.append(
            f"traces that were to outlive a dropped day could not be copied, last at {disk['traces_lost_at']}: "
            "they are gone"
        )
    return warnings


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"
