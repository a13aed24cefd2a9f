"""Bringing a store to the newest version: safe to run twice, and by two workers at once."""

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# The table that Alembic keeps its book in. Its name says whose it is: a PostgreSQL database may hold others' tables.
VERSION_TABLE = "alert_store_version"
_HERE = Path(__file__).parent
_FILE = re.compile(r"v(\d{4})_\w+\.py")
# A store of before Alembic has these tables and no book: it is at this version.
_OLDEST_TABLE = "alerts"
_BASELINE = "0001"
# An arbitrary number that means 'the schema of an alert store' among PostgreSQL's advisory locks.
_LOCK = 0x5167_A1E7


class NewerStoreError(Exception):
    """The store was made by a newer Sightglass."""


def newest() -> str:
    """The version that this code works with."""
    return max(found[1] for path in (_HERE / "versions").iterdir() if (found := _FILE.fullmatch(path.name)))


def version(connection: Connection) -> str | None:
    """The version that a store is at; None for one without a book."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    book = sa.table(VERSION_TABLE, sa.column("version_num"))
    return connection.execute(sa.select(book.c.version_num)).scalar_one_or_none()


def upgrade(connection: Connection, *, target: str | None = None) -> None:
    """Bring a store forward; one made before there was a book of versions is taken as it is.

    Args:
        connection: A transaction that the caller commits; on SQLite it has taken the write lock.
        target: The version to reach; the newest when None.

    Raises:
        NewerStoreError: When the store is further than this code.
    """
    if connection.dialect.name == "postgresql":
        # A step over a long table takes what it takes, and another worker waits for it.
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    wanted = target or newest()
    there = version(connection)
    if there == wanted:
        return
    if there is not None and there > newest():
        raise NewerStoreError(
            f"the alert store is at version {there}, and this worker knows up to {newest()}: run the newer Sightglass, "
            "or restore the store from a backup of before"
        )
    # Alembic takes a third of a second to import, and most starts find nothing to do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    if there is None and sa.inspect(connection).has_table(_OLDEST_TABLE):
        command.stamp(config, _BASELINE)
    command.upgrade(config, wanted)
