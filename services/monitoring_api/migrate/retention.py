"""Keeps each table's TTL at what the settings say, also when they change after the table was created."""

import re
from dataclasses import dataclass

from services.monitoring_api.migrate.database import Database
from services.monitoring_api.migrate.files import Migration
from services.monitoring_api.migrate.rendering import Target, render

_TTL = re.compile(r"CREATE TABLE IF NOT EXISTS \w+\.(?P<table>\w+).*?^TTL (?P<ttl>[^\n]+)$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class TableTtl:
    """The TTL expression that a table should have."""

    table: str
    expression: str


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
    return [ttl for ttl in ttls if ttl.table in present and f"TTL {ttl.expression}" not in present[ttl.table]]


def alter(target: Target, ttl: TableTtl) -> str:
    """The statement that changes a table's TTL; rows are dropped as parts merge, not by rewriting all of them now."""
    on_cluster = f" {target.on_cluster}" if target.cluster else ""
    return (
        f"ALTER TABLE {target.database}.{ttl.table}{on_cluster} MODIFY TTL {ttl.expression} "
        "SETTINGS materialize_ttl_after_modify = 0"
    )
