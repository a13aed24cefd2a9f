"""Opening the alert store: SQLite with write-ahead log by default, PostgreSQL by URL."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

BUSY_TIMEOUT_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 5
# Errors are logged and answered, and rows hold what people wrote into labels, annotations and comments.
_HIDE_PARAMETERS: Final = True
_PASSWORD_FILE: Final = "password_file"  # noqa: S105 - the name of a parameter
# What a server does for us when this process stops in the middle of a transaction: it gives up the locks, so that
# another worker can take over; and it does not let a statement wait for ever.
_SERVER_OPTIONS: Final = (
    "-c idle_in_transaction_session_timeout=5s -c statement_timeout=30s -c lock_timeout=10s -c timezone=UTC"
)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


class StorePasswordError(SQLAlchemyError):
    """The file with the store's password is of no use."""


def open_store(url: str, *, writer: bool) -> Engine:
    """Open the store; nothing is created or read yet.

    Args:
        url: An SQLAlchemy URL. `postgresql://...` means psycopg; there `?password_file=` names a file that holds the
            user's password, read at each connection, so that it may change.
        writer: Whether transactions will write. On SQLite they then take the write lock when they begin: one that
            reads first and asks for it later could be refused half-way.
    """
    place = with_driver(url)
    if place.get_backend_name() == "postgresql":
        return _postgresql(place)
    engine = sa.create_engine(
        place, pool_pre_ping=place.get_backend_name() != "sqlite", hide_parameters=_HIDE_PARAMETERS
    )
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


def _postgresql(place: URL) -> Engine:
    password_file = place.query.get(_PASSWORD_FILE)
    engine = sa.create_engine(
        place.difference_update_query([_PASSWORD_FILE]),
        # A server that was started again must cost no transaction.
        pool_pre_ping=True,
        hide_parameters=_HIDE_PARAMETERS,
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
        path = Path(str(password_file))

        def log_in(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
            parameters["password"] = _password(path)

        sa.event.listen(engine, "do_connect", log_in)
    return engine


def _password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StorePasswordError(f"the alert store's password file {path} can't be read: {reason}") from None
    if not password:
        raise StorePasswordError(f"the alert store's password file {path} is empty")
    return password
