"""What comes in and what it costs: rows and bytes by service, and how many values their attributes have."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.pipeline.volume import (
    SIGNALS,
    Minutes,
    SignalTable,
    VolumeRow,
    recent,
    sample,
    volume_query,
    volume_rows,
)
from services.monitoring_api.queries.timerange import NANOSECONDS, rfc3339

# Keys with the most values: so many of each service, and in all of each table.
_TOP_OF_SERVICE: Final = 10
_TOP: Final = 50
# 2^14 cells: within about 1 %.
_DISTINCT: Final = "uniqCombined(14)"


def length_query(signal: SignalTable, minutes: Minutes) -> Query:
    """By service, how many bytes a row has before it is compressed."""
    return Query(
        f"SELECT ServiceName, avg(byteSize(*))\nFROM {signal.table}\nWHERE {signal.within()}\nGROUP BY ServiceName",
        minutes._asdict(),
    )


def cardinality_query(signal: SignalTable, minutes: Minutes) -> Query:
    """By service and key of an attribute, how many values it has and how many rows have it; most values first."""
    parts = "\n    UNION ALL\n".join(
        f"""    SELECT ServiceName, concat('{prefix}', Key) AS Name, Value
    FROM {signal.table}
    ARRAY JOIN mapKeys({column}) AS Key, mapValues({column}) AS Value
    WHERE {signal.within()}"""  # noqa: S608  (constants of ours)
        for prefix, column in signal.attributes
    )
    sql = f"""SELECT ServiceName, Name, {_DISTINCT}(Value) AS Distinct, count()
FROM
(
{parts}
)
GROUP BY ServiceName, Name
ORDER BY Distinct DESC, ServiceName, Name
LIMIT {_TOP_OF_SERVICE} BY ServiceName
LIMIT {_TOP}"""  # noqa: S608  (constants of ours)
    return Query(sql, minutes._asdict())


async def usage(database: Database, now_seconds: int) -> dict[str, Any]:
    """Ingest and cardinality as parts of the answer.

    Attributes are looked at in the last minutes that hold 100,000 rows, an hour at most, so that it costs about the
    same however much comes in.
    """
    volume = volume_rows(await database.fetch(volume_query(now_seconds)))
    looked_at = [(each, sample(volume, each.table, now_seconds)) for each in SIGNALS]
    found = await asyncio.gather(
        *(_look(database, signal, minutes) for signal, minutes in looked_at if minutes.start < minutes.end)
    )
    return {
        "ingest": _ingest(volume, found, now_seconds),
        "cardinality": [key for each in found for key in each.keys],
    }


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found in a table: bytes of a row by service, and attributes as parts of the answer."""

    signal: SignalTable
    lengths: dict[str, float]
    keys: list[dict[str, Any]]


async def _look(database: Database, signal: SignalTable, minutes: Minutes) -> _Looked:
    lengths = await database.fetch(length_query(signal, minutes))
    keys = await database.fetch(cardinality_query(signal, minutes))
    documents = [
        {
            "signal": signal.signal,
            "table": signal.table,
            "service": str(service),
            "key": str(key),
            "distinct_values": int(distinct),
            "rows": int(rows),
            "since": rfc3339(minutes.start * NANOSECONDS),
        }
        for service, key, distinct, rows in keys
    ]
    return _Looked(signal, {str(service): float(length) for service, length in lengths}, documents)


def _ingest(volume: Sequence[VolumeRow], found: Sequence[_Looked], now_seconds: int) -> list[dict[str, Any]]:
    lengths = {(each.signal.table, service): length for each in found for service, length in each.lengths.items()}
    signals = {each.table: each.signal for each in SIGNALS}
    summed: dict[tuple[str, str], list[float]] = {}
    for (table, service), rate in recent(volume, now_seconds).items():
        both = summed.setdefault((signals[table], service), [0.0, 0.0])
        both[0] += rate
        both[1] += rate * lengths.get((table, service), 0.0)
    return [
        {"signal": signal, "service": service, "rows_per_second": round(rows, 3), "bytes_per_second": round(size, 1)}
        for (signal, service), (rows, size) in sorted(summed.items(), key=lambda each: -each[1][1])
    ]
