"""Opening the alert store: SQLite with write-ahead log by default, PostgreSQL by URL."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

BUSY_TIMEOUT_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 5
# What a server does for us when this process stops in the middle of a transaction: it gives up the locks, so that
# another worker can take over; and it does not let a statement wait for ever.
_SERVER_OPTIONS: Final = (
    "-c idle_in_transaction_session_timeout=5s -c statement_timeout=30s -c lock_timeout=10s -c timezone=UTC"
)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def open_store(url: str, *, writer: bool, password_file: Path | None = None) -> Engine:
    """Open the store; nothing is created or read yet.

    Args:
        url: An SQLAlchemy URL; `postgresql://...` means psycopg.
        writer: Whether transactions will write. On SQLite they then take the write lock when they begin: one that
            reads first and asks for it later could be refused half-way.
        password_file: Holds the password of the URL's user; read at each connection, so that it may change.
    """
    place = with_driver(url)
    if place.get_backend_name() == "postgresql":
        return _postgresql(place, password_file)
    engine = sa.create_engine(place, pool_pre_ping=place.get_backend_name() != "sqlite")
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


def with_driver(url: str) -> URL:
    """The URL with the driver that is installed, where it names none."""
    place = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    return place.set(drivername="postgresql+psycopg") if place.drivername == "postgresql" else place


def _postgresql(place: URL, password_file: Path | None) -> Engine:
    engine = sa.create_engine(
        place,
        # A server that was started again must cost no transaction.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "options": _SERVER_OPTIONS,
            # A peer that is gone without a word is noticed within seconds, not hours.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "application_name": "sightglass",
        },
    )
    if password_file is not None:

        def log_in(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
            parameters["password"] = password_file.read_text(encoding="utf-8").strip()

        sa.event.listen(engine, "do_connect", log_in)
    return engine
