"""`Database` over clickhouse-connect's asynchronous client: with `pool` the only module that knows it."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.monitoring_api.database.connection import Connection
from services.monitoring_api.database.errors import (
    DatabaseFull,
    DatabaseRefused,
    DatabaseTooSlow,
    DatabaseUnavailable,
)
from services.monitoring_api.database.password_file import PasswordFileError, read_password
from services.monitoring_api.database.pool import Places, SharedClient
from services.monitoring_api.database.query import Query
from services.monitoring_api.database.statement import CANCELLED, OK, REFUSED, TOO_SLOW, UNAVAILABLE, Statement
from services.web.certificates import is_untrusted
from services.web.problems import Problem

_log = logging.getLogger(__name__)

_Meaning = tuple[type[DatabaseUnavailable | DatabaseTooSlow], str]
_LIMIT: Final[_Meaning] = (
    DatabaseTooSlow,
    "ClickHouse gave up on a limit of its own; ask for a shorter range or a longer step.",
)
_BUSY: Final[_Meaning] = (DatabaseUnavailable, "ClickHouse is answering too many questions; ask again shortly.")
_ENDED: Final[_Meaning] = (DatabaseUnavailable, "ClickHouse stopped in the middle of the answer; ask again.")
_LOGIN: Final[_Meaning] = (DatabaseUnavailable, "ClickHouse does not accept our user or password.")
_SCHEMA: Final[_Meaning] = (
    DatabaseUnavailable,
    "ClickHouse lacks a table or column that is needed; run `sightglass migrate`.",
)
_FULL: Final[_Meaning] = (DatabaseFull, "ClickHouse's disk has no room left; free some, and writing goes on.")
_MEMORY: Final[_Meaning] = (
    DatabaseTooSlow,
    "ClickHouse has not enough memory for this question; ask for a shorter range.",
)
# ClickHouse's own error codes, from its ErrorCodes.cpp.
_MEANINGS: Final[dict[int, _Meaning]] = {
    **dict.fromkeys((158, 159, 160, 209, 307, 396), _LIMIT),  # time; rows and bytes read or returned
    **dict.fromkeys((202, 203, 439), _BUSY),  # too many queries, no free connection, no thread
    **dict.fromkeys((210, 236, 279, 394), _ENDED),  # network, aborted, killed
    **dict.fromkeys((192, 193, 194, 516), _LOGIN),
    **dict.fromkeys((16, 47, 60, 81), _SCHEMA),  # unknown column, identifier, table, database
    241: _MEMORY,
    243: _FULL,
}


class StatementWatcher(Protocol):
    """Is told of every statement that ended, however it did."""

    def ended(self, statement: Statement, outcome: str, ended_at: float) -> None:
        """One ended: see `SlowStatements.ended`."""
        ...


class ClickHouseDatabase:
    """A pool of connections that is made at the first question and made again when ClickHouse comes back.

    Args:
        connection: Where and as whom.
        watchers: Are told of every statement.
        clock: Monotonic seconds.

    Attributes:
        places: Of statements under way.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        watchers: Sequence[StatementWatcher] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.places = Places(connection.pool_size)
        self._connection = connection
        self._client = SharedClient(self._connect)
        self._watchers = list(watchers)
        self._clock = clock

    def watched_by(self, watcher: StatementWatcher) -> None:
        """Tell one more of every statement from now on."""
        self._watchers.append(watcher)

    async def fetch(self, query: Query, *, deadline_seconds: float | None = None) -> Sequence[tuple[Any, ...]]:
        """Every row of the answer (see `Database.fetch`)."""
        async with self._asking(query, deadline_seconds) as (client, statement):
            result = await client.query(
                query.sql, parameters=dict(query.parameters), settings={"query_id": statement.query_id}
            )
            rows = [tuple(row) for row in result.result_rows]
            statement.rows, statement.summary = len(rows), result.summary
            return rows

    async def execute(self, query: Query, *, deadline_seconds: float | None = None) -> None:
        """Run a statement that returns no rows (see `Database.execute`)."""
        async with self._asking(query, deadline_seconds) as (client, statement):
            # Not `command`: that puts values into the URL, however many there are.
            await client.raw_query(
                query.sql, parameters=dict(query.parameters), settings={"query_id": statement.query_id}
            )

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.drop()

    @asynccontextmanager
    async def _asking(
        self, query: Query, deadline_seconds: float | None
    ) -> AsyncIterator[tuple[AsyncClient, Statement]]:
        deadline = self._connection.deadline_seconds if deadline_seconds is None else deadline_seconds
        placed = False
        client: AsyncClient | None = None
        with self._watched(query.sql) as statement:
            try:
                async with asyncio.timeout(deadline), self.places.taken():
                    placed = True
                    async with self._client.lent() as client:
                        statement.sent_at = self._clock()
                        yield client, statement
            except TimeoutError as error:
                if not placed:
                    self.places.timeouts += 1
                    raise _waited() from error
                if client is None:
                    raise _unreachable() from error
                raise DatabaseTooSlow(
                    f"ClickHouse did not answer within {deadline:.2g} s; ask for less (a shorter range, a longer step) "
                    "or later."
                ) from error
            except ClickHouseError as error:
                problem = _problem_of(error)
                if client is not None and _is_of_connection(error):
                    await self._client.drop(client)
                if isinstance(problem, DatabaseRefused):
                    _log.error("ClickHouse refused: %s", query.sql, exc_info=error)
                else:
                    _log.warning("%s", problem.detail)
                raise problem from error
            except OSError as error:
                raise _unreachable() from error

    @contextmanager
    def _watched(self, sql: str) -> Iterator[Statement]:
        statement = Statement(sql, uuid.uuid4().hex, self._clock())
        outcome = OK
        try:
            yield statement
        except BaseException as error:
            outcome = _outcome_of(error)
            raise
        finally:
            ended_at = self._clock()
            for watcher in self._watchers:
                watcher.ended(statement, outcome, ended_at)

    async def _connect(self) -> AsyncClient:
        return await clickhouse_connect.get_async_client(
            dsn=self._connection.url.rstrip("/"),
            # The driver looks at a DSN's port, not at its scheme: without this https would be plain HTTP.
            interface="https" if self._connection.url.lower().startswith("https:") else "http",
            database=self._connection.database,
            username=self._connection.user,
            password=self._password(),
            autogenerate_session_id=False,
            connect_timeout=self._connection.connect_timeout_seconds,
            # Beyond every deadline, so that it is the deadline that ends a question.
            send_receive_timeout=(self._connection.longest_deadline_seconds or self._connection.deadline_seconds) + 1,
            connector_limit=self._connection.pool_size,
            connector_limit_per_host=self._connection.pool_size,
            show_clickhouse_errors="scrub",
            tz_mode="aware",
            query_retries=1,
            client_name=self._connection.client_name,
            ca_cert=None if self._connection.ca_file is None else str(self._connection.ca_file),
        )

    def _password(self) -> str:
        path = self._connection.password_file
        if path is None:
            return ""
        try:
            return read_password(path)
        except PasswordFileError as error:
            raise DatabaseUnavailable(str(error)) from error


def said_by_clickhouse(problem: Problem) -> str | None:
    """What ClickHouse itself said of a statement that it found wrong; None when the statement is not at fault.

    It may hold parts of the statement, so it is for whoever wrote that.
    """
    code = getattr(problem.__cause__, "code", None)
    if code is None or (code in _MEANINGS and _MEANINGS[code] is not _SCHEMA):
        return None
    return str(problem.__cause__).rpartition("DB::Exception: ")[2]


def _waited() -> DatabaseUnavailable:
    return DatabaseUnavailable("All connections to ClickHouse are taken by other questions; ask again shortly.")


def _unreachable() -> DatabaseUnavailable:
    return DatabaseUnavailable("ClickHouse can't be reached; the question works again once it is back.")


def _is_of_connection(error: ClickHouseError) -> bool:
    """Whether a new connection may help: nothing was answered, or our login is not the right one any more."""
    code = getattr(error, "code", None)
    return code is None or _MEANINGS.get(code) is _LOGIN


def _outcome_of(error: BaseException) -> str:
    match error:
        case asyncio.CancelledError():
            return CANCELLED
        case DatabaseTooSlow():
            return TOO_SLOW
        case DatabaseUnavailable():
            return UNAVAILABLE
        case _:
            return REFUSED


def _problem_of(error: ClickHouseError) -> Problem:
    code = getattr(error, "code", None)
    if is_untrusted(error):
        return DatabaseUnavailable(
            "ClickHouse's certificate is not trusted; SIGHTGLASS_TLS_CA_FILE names the authorities that are."
        )
    if code is None:
        return _unreachable()
    if code in _MEANINGS:
        kind, detail = _MEANINGS[code]
        return kind(detail)
    return DatabaseRefused(f"ClickHouse refused a statement of ours (code {code}); the log has it.")
