"""Keeps each table's TTL at what the settings say, also when they change after the table was created."""

import re
from dataclasses import dataclass, replace
from typing import Final

from services.monitoring_api.migrate.database import Database
from services.monitoring_api.migrate.files import Migration
from services.monitoring_api.migrate.rendering import Target, render

# Where it is noted since when a table's rows are whole (services/monitoring_api/queries/maintained.py).
_STATE: Final = "maintenance_state"
_DAYS = re.compile(r"TTL [^\n]*?toIntervalDay\((?P<days>\d+)\)")
_TTL = re.compile(r"CREATE TABLE IF NOT EXISTS \w+\.(?P<table>\w+).*?^TTL (?P<ttl>[^\n]+)$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class TableTtl:
    """The TTL expression that a table should have.

    Attributes:
        table: which table.
        expression: its TTL.
        noted: whether what changes is noted for the maintenance process and for readers.
        longer_than: the days that it keeps now, where these are fewer and that is to be noted.
    """

    table: str
    expression: str
    noted: bool = False
    longer_than: int | None = None


def wanted(migrations: list[Migration], target: Target) -> list[TableTtl]:
    """Reads the TTLs from the migrations themselves, so that they stand in one place."""
    found = (
        match
        for migration in migrations
        for statement in render(migration.template, target)
        if (match := _TTL.match(statement)) is not None
    )
    return [TableTtl(match["table"], match["ttl"].strip()) for match in found]


def outdated(database: Database, target: Target, ttls: list[TableTtl]) -> list[TableTtl]:
    """Those whose table exists with another TTL."""
    rows = database.rows(
        "SELECT name, create_table_query FROM system.tables WHERE database = {database:String}",
        {"database": target.database},
    )
    present = {str(name): str(query) for name, query in rows}
    noted = f"{_STATE}{target.local_suffix}" in present
    return [
        replace(ttl, noted=noted, longer_than=_longer_than(ttl, present[ttl.table]) if noted else None)
        for ttl in ttls
        if ttl.table in present and f"TTL {ttl.expression}" not in present[ttl.table]
    ]


def statements(target: Target, ttl: TableTtl) -> list[str]:
    """What changes a table's TTL, after noting how long rows live then, and that a longer one brings nothing back."""
    days = _DAYS.search(f"TTL {ttl.expression}")
    if not ttl.noted or days is None:
        return [alter(target, ttl)]
    table = ttl.table.removesuffix(target.local_suffix)
    state = f"{target.database}.{_STATE}"
    notes = []
    if ttl.longer_than is not None:
        name = f"whole_from:{table}"
        gone = f"toInt64(toUnixTimestamp(now())) - {_whole_seconds(ttl.longer_than)}"
        notes.append(
            f"INSERT INTO {state} (Name, Value) "  # noqa: S608  (names of ours)
            f"SELECT '{name}', greatest({gone}, max(Value)) FROM {state} WHERE Name = '{name}'"
        )
    notes.append(f"INSERT INTO {state} (Name, Value) SELECT 'whole_for:{table}', {_whole_seconds(int(days['days']))}")
    return [*notes, alter(target, ttl)]


def alter(target: Target, ttl: TableTtl) -> str:
    """The statement that changes a table's TTL; rows are dropped as parts merge, not by rewriting all of them now."""
    on_cluster = f" {target.on_cluster}" if target.cluster else ""
    return (
        f"ALTER TABLE {target.database}.{ttl.table}{on_cluster} MODIFY TTL {ttl.expression} "
        "SETTINGS materialize_ttl_after_modify = 0"
    )


def _whole_seconds(days: int) -> int:
    """How long rows stay whole that live for so many days: an hour is for what is half gone between two merges."""
    return days * 86_400 - 3_600


def _longer_than(ttl: TableTtl, present: str) -> int | None:
    was, will_be = _DAYS.search(present), _DAYS.search(f"TTL {ttl.expression}")
    if was is None or will_be is None or int(was["days"]) >= int(will_be["days"]):
        return None
    return int(was["days"])
