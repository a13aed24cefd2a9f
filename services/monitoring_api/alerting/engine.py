"""Opening the alert store: SQLite with write-ahead log by default, PostgreSQL by URL."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

BUSY_TIMEOUT_SECONDS = 10.0


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def open_store(url: str, *, writer: bool) -> Engine:
    """Open the store; nothing is created or read yet.

    Args:
        url: An SQLAlchemy URL.
        writer: Whether transactions will write. On SQLite they then take the write lock when they begin: one that
            reads first and asks for it later could be refused half-way.
    """
    engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name != "sqlite":
        return engine

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}")
        if writer:
            cursor.execute("PRAGMA journal_mode = WAL")
            # FULL: a committed notification survives a power cut, not only a kill.
            cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine
