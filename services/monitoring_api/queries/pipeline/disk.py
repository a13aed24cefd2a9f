"""Room on the disk, and what the tables take of it."""

from collections.abc import Sequence
from typing import Any

from services.monitoring_api.database import Query

_SPACE = "SELECT min(free_space), min(total_space) FROM system.disks WHERE total_space > 0 HAVING count() > 0"

_TABLES = """SELECT table, sum(rows), sum(bytes_on_disk)
FROM system.parts
WHERE active
    AND database = currentDatabase()
GROUP BY table
ORDER BY sum(bytes_on_disk) DESC, table"""


def space_query() -> Query:
    """Free and total bytes of the disk that is nearest to full."""
    return Query(_SPACE)


def tables_query() -> Query:
    """Rows (duplicates included until they are merged) and bytes of each table, the largest first."""
    return Query(_TABLES)


def disk_document(space: Sequence[Sequence[Any]], tables: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Disk use as a part of the answer."""
    return {
        "free_bytes": int(space[0][0]) if space else None,
        "total_bytes": int(space[0][1]) if space else None,
        "tables": [{"table": str(name), "rows": int(rows), "bytes": int(size)} for name, rows, size in tables],
    }
