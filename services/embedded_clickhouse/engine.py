"""The embedded engine and its sessions; everything here blocks and is called in threads."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from services.embedded_clickhouse.errors import ClickHouseError, bad_arguments
from services.embedded_clickhouse.failed_inserts import FailedInserts

_SETTING_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$", re.ASCII)


def quoted(text: str) -> str:
    """Write a text as an SQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(text: str) -> str:
    """Write a name as an SQL identifier."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


@dataclass(frozen=True)
class Piece:
    """One piece of an answer: its bytes, and what was read to make it."""

    data: bytes
    rows: int
    read_rows: int = 0
    read_bytes: int = 0


@dataclass(frozen=True)
class Written:
    """What an INSERT wrote."""

    rows: int
    bytes: int


class Inserter:
    """An INSERT whose data is still coming in.

    Args:
        stream: chDB's.
        check: Raises what went wrong, once it has ended.
        cancelled: Is called when it was given up.
    """

    def __init__(self, stream: Any, check: Callable[[], None], cancelled: Callable[[], object]) -> None:
        self._stream = stream
        self._check = check
        self._cancelled = cancelled

    def append(self, data: bytes) -> None:
        """Hand over the next bytes of the data, cut anywhere."""
        try:
            self._stream.append(data)
        except RuntimeError as error:
            raise ClickHouseError.of(error) from error

    def finish(self) -> Written:
        """Commit; only now may the client be told that its rows are kept."""
        try:
            result = self._stream.finish()
        except RuntimeError as error:
            raise ClickHouseError.of(error) from error
        self._check()
        return Written(rows=int(result.rows_written), bytes=int(result.bytes_written))

    def cancel(self) -> None:
        """Give up; what is not yet committed is not kept."""
        self._stream.cancel()
        with contextlib.suppress(ClickHouseError):
            self._cancelled()


class Session:
    """One handle of the engine with settings of its own; serves one call at a time.

    Args:
        connection: chDB's handle.
        failed_inserts: The engine's.
    """

    def __init__(self, connection: Any, failed_inserts: FailedInserts) -> None:
        self._connection = connection
        self._failed_inserts = failed_inserts

    def query(self, sql: str, output_format: str, parameters: Mapping[str, str] | None = None) -> Piece:
        """Run a statement to its end and return the whole answer."""
        try:
            result = self._connection.query(sql, output_format, params=dict(parameters or {}))
        except (chdb.ChdbError, RuntimeError) as error:
            # After a SELECT that failed in mid-answer, the handle's next answer begins with what that one had written;
            # no INSERT failed then.
            with contextlib.suppress(ClickHouseError, ValueError):
                self._failed_inserts.look(self._text)
            raise ClickHouseError.of(error) from error
        if result is None:
            return Piece(b"", 0)
        return Piece(bytes(result.bytes() or b""), int(result.rows_read()), *_storage(result))

    def stream(self, sql: str, output_format: str, parameters: Mapping[str, str] | None = None) -> Iterator[Piece]:
        """Run a SELECT and yield its answer block by block, each written in `output_format` as if it were alone.

        The engine waits while nobody asks for the next block. Closing the iterator cancels the query.
        """
        try:
            result = self._connection.send_query(sql, output_format, params=dict(parameters or {}))
        except (chdb.ChdbError, RuntimeError) as error:
            raise ClickHouseError.of(error) from error
        try:
            while True:
                try:
                    block = result.fetch()
                except (chdb.ChdbError, RuntimeError) as error:
                    raise ClickHouseError.of(error) from error
                if block is None:
                    return
                yield Piece(bytes(block.bytes()), int(block.rows_read()), *_storage(block))
        finally:
            result.cancel()

    def insert(self, sql: str, input_format: str) -> Inserter:
        """Begin an INSERT (`INSERT INTO t (a, b)`, without FORMAT or data)."""
        before = self._failed_inserts.seen
        try:
            stream = self._connection.send_insert(sql, input_format)
        except (chdb.ChdbError, RuntimeError) as error:
            raise ClickHouseError.of(error) from error
        failed = self._failed_inserts
        return Inserter(stream, lambda: failed.check(before, self._text), lambda: failed.look(self._text))

    def close(self) -> None:
        """Drop the handle and, with it, every setting it had."""
        self._connection.close()

    def _text(self, sql: str) -> str:
        """What the engine says of itself."""
        try:
            return bytes(self._connection.query(sql, "TabSeparated").bytes() or b"").decode(errors="replace")
        except (chdb.ChdbError, RuntimeError) as error:
            raise ClickHouseError.of(error) from error


def _storage(result: Any) -> tuple[int, int]:
    return int(result.storage_rows_read()), int(result.storage_bytes_read())


def _connect(path: Path) -> Any:
    return chdb.connect(str(path))  # type: ignore[no-untyped-call]  # chdb has no types


class Engine:
    """The one engine of this process and the data folder it owns.

    A handle is made for each statement and thrown away after it: that takes 70 microseconds, and neither a setting nor
    a current database can reach the next statement.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._failed_inserts = FailedInserts()
        # The engine ends with its last handle, so one is kept.
        self._keeper = _connect(path)
        version = self._keeper.query("SELECT version()", "TabSeparatedRaw").bytes().decode().strip()
        timezone = self._keeper.query("SELECT timezone()", "TabSeparatedRaw").bytes().decode().strip()
        self.version: str = version
        self.timezone: str = timezone

    def session(self, *, database: str = "default", settings: Mapping[str, str] | None = None) -> Session:
        """Open a handle in `database` with `settings`, applied in their order (so put `readonly` last)."""
        for name in settings or ():
            if not _SETTING_NAME.match(name):
                raise bad_arguments(f"'{name}' is not the name of a setting.")
        connection = _connect(self._path)
        session = Session(connection, self._failed_inserts)
        try:
            if database != "default":
                session.query(f"USE {quoted_name(database)}", "Null")
            if settings:
                changes = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
                session.query(f"SET {changes}", "Null")
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Stop the engine; the folder is free for another process."""
        self._keeper.close()
