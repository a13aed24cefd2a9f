"""Everything the HTTP interface works with, made once at the start."""

from dataclasses import dataclass

from opentelemetry.trace import Tracer

from services.embedded_clickhouse.accounts import Accounts, ensure_passwords
from services.embedded_clickhouse.engine import Engine, quoted_name
from services.embedded_clickhouse.execution import Executor
from services.embedded_clickhouse.query_log import QueryLog
from services.embedded_clickhouse.roles import Role, make_roles
from services.embedded_clickhouse.running import RunningStatements
from services.embedded_clickhouse.settings import ClickHouseSettings
from services.embedded_clickhouse.slots import Slots
from services.embedded_clickhouse.syntax import Parser
from services.embedded_clickhouse.telemetry import QueryTracer
from services.embedded_clickhouse.threads import EngineThreads

# Threads beyond one per running statement: for parsing and for killing.
_SPARE_THREADS = 4


@dataclass(frozen=True)
class Parts:
    """The parts of the process."""

    settings: ClickHouseSettings
    engine: Engine
    parser: Parser
    accounts: Accounts
    roles: dict[str, Role]
    slots: Slots
    running: RunningStatements
    threads: EngineThreads
    executor: Executor
    query_log: QueryLog
    query_tracer: QueryTracer | None

    def close(self) -> None:
        """Close what is open, the engine last."""
        self.threads.close()
        self.parser.close()
        self.running.close()
        self.query_log.close()
        self.engine.close()


def make_parts(settings: ClickHouseSettings, tracer: Tracer | None = None) -> Parts:
    """Start the engine on the data folder and make everything around it."""
    passwords = ensure_passwords(settings.data_dir)
    engine = Engine(settings.data_dir / "clickhouse")
    session = engine.session()
    for database in settings.databases:
        session.query(f"CREATE DATABASE IF NOT EXISTS {quoted_name(database)} ENGINE = Atomic", "Null")
    session.close()
    roles = dict(make_roles(settings))
    parser = Parser(engine, max_query_bytes=settings.max_query_bytes)
    running = RunningStatements(engine)
    threads = EngineThreads(sum(role.slots for role in roles.values()) + _SPARE_THREADS)
    executor = Executor(
        engine,
        parser,
        threads,
        running,
        databases=settings.databases,
        insert_chunk_bytes=settings.insert_chunk_bytes,
    )
    query_log = QueryLog(
        settings.data_dir / "logs" / "clickhouse-queries.jsonl",
        entries=settings.query_log_entries,
        file_bytes=settings.query_log_file_bytes,
        files=settings.query_log_files,
    )
    slots = Slots(roles, wait_seconds=settings.slot_wait_seconds)
    return Parts(
        settings=settings,
        engine=engine,
        parser=parser,
        accounts=Accounts(passwords),
        roles=roles,
        slots=slots,
        running=running,
        threads=threads,
        executor=executor,
        query_log=query_log,
        query_tracer=QueryTracer(tracer) if tracer is not None else None,
    )
