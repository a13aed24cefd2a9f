"""Keeps the Collector out of its tables until everything that reads along with its inserts is there.

A Collector that waits for the schema writes as soon as it finds a table, and a row that lands before the table's
materialised views exist is never seen by them: a label, or a whole span, would be lost. So such a table is created with
a column that nobody may insert. The exporter's insert, which names every column, is refused and tried again; after the
last migration the column is opened.
"""

import re

from services.monitoring_api.migrate.database import Database
from services.monitoring_api.migrate.rendering import Target

TABLES = ("otel_logs", "otel_traces_ingest")
COLUMN = "ScopeName"

_CREATE = re.compile(
    rf"(?P<head>CREATE TABLE IF NOT EXISTS \w+\.(?P<table>(?:{'|'.join(TABLES)})(?:_local)?)\b"
    rf".*?^\s*{COLUMN} String)\b",
    re.DOTALL | re.MULTILINE,
)


def close(statement: str) -> str:
    """The statement, with the gate shut where it creates one of the tables; any other as it is."""
    return _CREATE.sub(r"\g<head> MATERIALIZED ''", statement)


def shut_by(statements: list[str]) -> list[str]:
    """The tables that these statements create with the gate shut."""
    return [match["table"] for each in statements if (match := _CREATE.match(each))]


def shut(database: Database, target: Target) -> list[str]:
    """The tables whose gate is shut now, those that store rows first."""
    rows = database.rows(
        "SELECT table FROM system.columns WHERE database = {database:String} AND name = {column:String} "
        "AND default_kind = 'MATERIALIZED' ORDER BY endsWith(table, '_local') DESC, table",
        {"database": target.database, "column": COLUMN},
    )
    return [str(table) for (table,) in rows if str(table).removesuffix("_local") in TABLES]


def open_statement(target: Target, table: str) -> str:
    """The statement that lets the Collector in; it changes no stored row."""
    on_cluster = f" {target.on_cluster}" if target.cluster else ""
    return f"ALTER TABLE {target.database}.{table}{on_cluster} MODIFY COLUMN {COLUMN} REMOVE MATERIALIZED"
