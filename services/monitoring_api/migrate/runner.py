"""Runs what is pending, under the lock, brings the retention up to date, and only then lets the Collector in."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from services.monitoring_api.migrate import files, gate, retention
from services.monitoring_api.migrate.database import Database, DatabaseError
from services.monitoring_api.migrate.errors import MigrationError
from services.monitoring_api.migrate.files import Migration
from services.monitoring_api.migrate.ledger import Ledger, pending
from services.monitoring_api.migrate.lock import MigrationLock
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import MigrateSettings


@dataclass(frozen=True)
class Outcome:
    """What a run did, or would do."""

    applied: list[Migration]
    retention_changed: list[str]
    version: int
    statements: list[str]


def target_of(settings: MigrateSettings) -> Target:
    """What the templates are rendered for under these settings."""
    return Target(
        database=settings.clickhouse_database,
        raw_days=settings.raw_retention_days,
        kept_days=settings.predictions_retention_days,
        cluster=settings.cluster,
        table_days=settings.days_of_tables(),
    )


def plan(database: Database, settings: MigrateSettings) -> Outcome:
    """Says what `migrate` would do, changing nothing."""
    target = target_of(settings)
    migrations = files.load(settings.schema_dir)
    todo = pending(migrations, Ledger(database, target).applied())
    changed = retention.outdated(database, target, retention.wanted(migrations, target))
    statements = [statement for migration in todo for statement in _statements(migration, target)]
    opened = [*gate.shut(database, target), *gate.shut_by(statements)]
    statements += [statement for ttl in changed for statement in retention.statements(target, ttl)]
    statements += [gate.open_statement(target, table) for table in opened]
    return Outcome(todo, [ttl.table for ttl in changed], migrations[-1].version, statements)


def migrate(
    database: Database,
    settings: MigrateSettings,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Brings the database to the newest schema and returns what was done.

    Running it again does nothing; of two that run at once, the second waits and finds nothing left to do.

    Raises:
        MigrationError: history was changed, a statement failed, or the lock could not be had. What ran stays recorded;
            running again goes on from there.
    """
    target = target_of(settings)
    migrations = files.load(settings.schema_dir)
    ledger = Ledger(database, target)
    ledger.prepare()
    lock = MigrationLock(database, target.database, settings.lock_seconds, now, sleep)
    statements: list[str] = []
    with lock.held(settings.wait_seconds):
        todo = pending(migrations, ledger.applied())
        for migration in todo:
            for statement in _statements(migration, target):
                lock.renew()
                _run(database, migration, statement)
                statements.append(statement)
            ledger.record(migration)
        changed = retention.outdated(database, target, retention.wanted(migrations, target))
        for ttl in changed:
            for statement in retention.statements(target, ttl):
                lock.renew()
                database.execute(statement)
                statements.append(statement)
        for table in gate.shut(database, target):
            lock.renew()
            database.execute(gate.open_statement(target, table))
            statements.append(gate.open_statement(target, table))
    return Outcome(todo, [ttl.table for ttl in changed], migrations[-1].version, statements)


def _statements(migration: Migration, target: Target) -> list[str]:
    return [gate.close(statement) for statement in render(migration.template, target)]


def _run(database: Database, migration: Migration, statement: str) -> None:
    try:
        database.execute(statement)
    except DatabaseError as error:
        first_line = statement.split("\n", 1)[0]
        raise MigrationError(
            f"Migration {migration.version:04d}_{migration.name} failed at `{first_line}`: {error}"
        ) from error
