"""Runs one statement for one user: from its text to the pieces of its answer."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cachetools import LRUCache

from services.embedded_clickhouse.answer import Totals
from services.embedded_clickhouse.engine import Engine, Inserter, Session, quoted
from services.embedded_clickhouse.errors import ClickHouseError, access_denied, not_implemented
from services.embedded_clickhouse.judge import Judge, Verdict
from services.embedded_clickhouse.native import reframed
from services.embedded_clickhouse.permitted import INFORMATION_SCHEMAS
from services.embedded_clickhouse.reading import Reading
from services.embedded_clickhouse.request_parameters import RequestParameters
from services.embedded_clickhouse.roles import Role
from services.embedded_clickhouse.running import RunningStatement, RunningStatements
from services.embedded_clickhouse.statement_text import StatementText
from services.embedded_clickhouse.syntax import Parsed, Parser, Tree
from services.embedded_clickhouse.threads import EngineThreads

_STREAMED = frozenset({"SelectWithUnionQuery", "SelectIntersectExceptQuery"})
# A client may read a little longer than the statement may run; one without a limit, as long as a batch job needs.
_READING_GRACE_SECONDS = 2.0
_UNLIMITED_ANSWER_SECONDS = 3_600.0
_KILL_WAIT_SECONDS = 10.0
_REMEMBERED_VERDICTS = 1_024


@dataclass(frozen=True)
class Execution:
    """Everything that is known of a statement before it runs."""

    role: Role
    parameters: RequestParameters
    text: StatementText
    running: RunningStatement
    totals: Totals = field(default_factory=Totals)


@dataclass(frozen=True)
class Prepared:
    """A statement that may run."""

    parsed: Parsed
    verdict: Verdict
    output_format: str


class Executor:
    """Judges statements and runs them.

    Args:
        engine: the engine.
        parser: its parser.
        threads: where its calls run.
        running: the list of running statements.
        databases: our databases.
        insert_chunk_bytes: how much data the engine gets at a time.
    """

    def __init__(
        self,
        engine: Engine,
        parser: Parser,
        threads: EngineThreads,
        running: RunningStatements,
        *,
        databases: tuple[str, ...],
        insert_chunk_bytes: int,
    ) -> None:
        self._engine = engine
        self._parser = parser
        self._threads = threads
        self._running = running
        self._databases = databases
        self._chunk_bytes = insert_chunk_bytes
        self._verdicts: LRUCache[tuple[str, str, str], Verdict] = LRUCache(_REMEMBERED_VERDICTS)

    async def prepare(self, execution: Execution, *, may_write: bool) -> Prepared:
        """Parse and judge a statement.

        Raises:
            ClickHouseError: where it may not run.
        """
        head = execution.text.head
        sql = f"{head.statement} FORMAT {head.input_format}" if head else execution.text.sql
        parsed = self._parser.remembered(sql)
        if parsed is None:
            parsed = await self._threads.call(self._parser.parse, sql)
        verdict = self._judged(execution, parsed)
        if not may_write and not verdict.reads_only:
            raise ClickHouseError(
                164,
                "READONLY",
                "Cannot execute query in readonly mode: method GET only reads; use POST to change anything.",
            )
        return Prepared(parsed, verdict, parsed.output_format or execution.parameters.default_format)

    def _judged(self, execution: Execution, parsed: Parsed) -> Verdict:
        parameters = execution.parameters
        database = self._database(parameters)
        key = (parsed.sql, execution.role.name, database)
        verdict = self._verdicts.get(key)
        if verdict is None:
            judge = Judge(
                execution.role, databases=self._databases, current_database=database, values=parameters.values
            )
            verdict = judge.judge(parsed)
            # A bound name may be another one next time.
            if not verdict.bound:
                self._verdicts[key] = verdict
        return verdict

    async def run(self, execution: Execution, prepared: Prepared) -> AsyncGenerator[bytes]:
        """Run a statement and yield its answer; its rows and bytes are counted in the execution's totals."""
        kind = prepared.parsed.kind
        if kind == "KillQueryQuery":
            async for data in self._kill(execution, prepared):
                yield data
        elif execution.text.head is not None:
            await self._insert(execution)
        else:
            async for data in self._answer(execution, prepared):
                yield data

    def answer_seconds(self, execution: Execution, prepared: Prepared) -> float:
        """How long an answer may take to reach its client, the statement's own time included."""
        settings = self._session_settings(execution, prepared.verdict)
        limit = float(settings.get("max_execution_time", 0) or 0)
        return limit + _READING_GRACE_SECONDS if limit > 0 else _UNLIMITED_ANSWER_SECONDS

    def _session_settings(self, execution: Execution, verdict: Verdict | None) -> Mapping[str, str]:
        role = execution.role
        settings = {**role.limits, **role.pinned}
        for name, value in execution.parameters.settings.items():
            settings[name] = role.check_setting(name, value)
        settings |= verdict.settings if verdict else {}
        settings["log_comment"] = execution.running.mark
        if role.read_only:
            settings.pop("readonly", None)
            # system.settings tells a client which settings it may choose: under readonly = 1 it would say none.
            settings["readonly"] = "2" if verdict and verdict.settings_listing else "1"
        return settings

    def _database(self, parameters: RequestParameters) -> str:
        """Where names without a database are looked up; the users' default database is ours.

        It is never the engine's own `default`, in which a name may be that of a file.
        """
        return self._databases[0] if parameters.database in ("", "default") else parameters.database

    def _opener(self, execution: Execution, verdict: Verdict | None) -> Callable[[], Session]:
        """What makes the statement's session, in a thread.

        Raises:
            ClickHouseError: where its database or a setting is not for this user.
        """
        database = self._database(execution.parameters)
        allowed = {*self._databases, "system", *INFORMATION_SCHEMAS}
        if database not in allowed:
            raise access_denied(f"{execution.role.name}: Not enough privileges to use database {database}.")
        settings = self._session_settings(execution, verdict)
        return partial(self._engine.session, database=database, settings=settings)

    async def _answer(self, execution: Execution, prepared: Prepared) -> AsyncIterator[bytes]:
        reading = Reading(
            self._opener(execution, prepared.verdict),
            prepared.parsed.sql,
            prepared.output_format,
            execution.parameters.values,
            streamed=prepared.parsed.kind in _STREAMED and not _whole(execution, prepared),
            revision=execution.parameters.protocol_version,
            totals=execution.totals,
            check=partial(self._check_killed, execution),
        )
        try:
            pieces = await self._threads.call(reading.begin)
            while True:
                for data in pieces:
                    yield data
                if reading.ended:
                    break
                self._check_killed(execution)
                pieces = await self._threads.call(reading.more)
        finally:
            if reading.is_open:
                await self._threads.call(reading.close)

    async def _insert(self, execution: Execution) -> None:
        text = execution.text
        assert text.head is not None  # noqa: S101  (run() asks before)
        session = await self._threads.call(self._opener(execution, None))
        inserter: Inserter | None = None
        finished = False
        try:
            inserter = await self._threads.call(session.insert, text.head.statement, text.head.input_format)
            chunk = bytearray(text.first_data)
            async for piece in text.more_data:
                chunk += piece
                if len(chunk) >= self._chunk_bytes:
                    self._check_killed(execution)
                    execution.totals.bytes += len(chunk)
                    data, chunk = bytes(chunk), bytearray()
                    await self._threads.call(inserter.append, data)
            if chunk:
                execution.totals.bytes += len(chunk)
                await self._threads.call(inserter.append, bytes(chunk))
            self._check_killed(execution)
            written = await self._threads.call(inserter.finish)
            finished = True
            # The engine ends a killed INSERT without an error: nothing of it may be acknowledged.
            self._check_killed(execution)
            execution.totals.written_rows, execution.totals.written_bytes = written.rows, written.bytes
        finally:
            if inserter is not None and not finished:
                with contextlib.suppress(Exception):
                    await self._threads.call(inserter.cancel)
            await self._threads.call(session.close)

    async def _kill(self, execution: Execution, prepared: Prepared) -> AsyncIterator[bytes]:
        tree = prepared.parsed.tree
        wanted = _killed_ids(tree, execution.parameters.values)
        found = self._running.find(wanted)
        if execution.role.name not in ("maintainer", "migrator"):
            found = [statement for statement in found if statement.user == execution.role.name]
        test = bool(tree.get("test"))
        for statement in () if test else found:
            await self._threads.call(self._running.kill, statement)
        status = "unknown_status" if test else "waiting"
        if tree.get("sync") and not test:
            await self._wait_for(found)
            status = "finished"
        rows = [f"({', '.join(map(quoted, (status, one.query_id, one.user, one.query)))})" for one in found]
        columns = "'kill_status String, query_id String, user String, query String'"
        table = f"values({columns}, {', '.join(rows)})" if rows else f"null({columns})"
        session = await self._threads.call(self._engine.session)
        try:
            sql = f"SELECT * FROM {table}"  # noqa: S608  (every value is quoted)
            piece = await self._threads.call(session.query, sql, prepared.output_format)
        finally:
            await self._threads.call(session.close)
        execution.totals.add(piece)
        revision = execution.parameters.protocol_version if prepared.output_format.lower() == "native" else 0
        yield reframed(piece.data, revision, single_block=False) if revision else piece.data

    async def _wait_for(self, statements: list[RunningStatement]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_WAIT_SECONDS):
                for statement in statements:
                    await statement.ended.wait()

    @staticmethod
    def _check_killed(execution: Execution) -> None:
        if execution.running.killed:
            raise ClickHouseError(394, "QUERY_WAS_CANCELLED", "Query was cancelled.")


def _whole(execution: Execution, prepared: Prepared) -> bool:
    return prepared.verdict.whole or "extremes" in execution.parameters.settings


def _killed_ids(tree: Tree, values: Mapping[str, str]) -> set[str]:
    """Read the ids from `query_id = 'x'` and `query_id IN ('x', 'y')`, the forms that clients use."""
    condition: Any = tree.get("where_expression") or {}
    arguments = (condition.get("arguments") or {}).get("children", ())
    if condition.get("name") in ("equals", "in") and len(arguments) == 2 and arguments[0].get("name") == "query_id":  # noqa: PLR2004
        found = _texts(arguments[1], values)
        if found:
            return found
    raise not_implemented(
        "The embedded ClickHouse understands KILL QUERY WHERE query_id = '...' and query_id IN (...)."
    )


def _texts(node: Tree, values: Mapping[str, str]) -> set[str]:
    if node.get("type") == "QueryParameter":
        return {values.get(node["name"], "")}
    if node.get("type") == "Literal":
        return set(_strings(node.get("value")))
    return {text for child in (node.get("arguments") or {}).get("children", ()) for text in _texts(child, values)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(value.get("value"))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
