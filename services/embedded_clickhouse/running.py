"""The statements that are running, so that one can be found and stopped by its id."""

import asyncio
import threading
from dataclasses import dataclass, field

from services.embedded_clickhouse.engine import Engine, quoted
from services.embedded_clickhouse.errors import ClickHouseError


@dataclass
class RunningStatement:
    """One statement while it runs; `mark` is how the engine's own list of processes knows it."""

    query_id: str
    user: str
    query: str
    mark: str
    killed: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class RunningStatements:
    """Every statement that is running."""

    def __init__(self, engine: Engine) -> None:
        self._session = engine.session()
        self._session_lock = threading.Lock()
        self._lock = threading.Lock()
        self._by_id: dict[str, RunningStatement] = {}

    def add(self, statement: RunningStatement) -> None:
        """Note a statement that begins.

        Raises:
            ClickHouseError: 216 where one with this id is running.
        """
        with self._lock:
            if statement.query_id in self._by_id:
                raise ClickHouseError(
                    216,
                    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                    f"Query with id = {statement.query_id} is already running.",
                )
            self._by_id[statement.query_id] = statement

    def remove(self, statement: RunningStatement) -> None:
        """Forget a statement that ended."""
        with self._lock:
            self._by_id.pop(statement.query_id, None)
        statement.ended.set()

    def find(self, query_ids: set[str]) -> list[RunningStatement]:
        """Return those of the statements that are running."""
        with self._lock:
            return [self._by_id[query_id] for query_id in sorted(query_ids) if query_id in self._by_id]

    def all(self) -> list[RunningStatement]:
        """Return every running statement."""
        with self._lock:
            return list(self._by_id.values())

    def kill(self, statement: RunningStatement) -> None:
        """Stop a statement; it is also marked, for the engine ends a killed INSERT as if all were well."""
        statement.killed = True
        with self._session_lock:
            self._session.query(f"KILL QUERY WHERE Settings['log_comment'] = {quoted(statement.mark)} ASYNC", "Null")

    def close(self) -> None:
        """Drop the session that kills."""
        self._session.close()
