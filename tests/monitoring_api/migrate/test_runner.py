"""Migrations run once, in order, forward only, and go on where they stopped."""

import pytest

from services.monitoring_api.migrate import runner
from services.monitoring_api.migrate.errors import ChangedHistoryError, LockedError, MigrationError

ONE = "CREATE TABLE IF NOT EXISTS {{db}}.one (x UInt8) ENGINE = MergeTree ORDER BY x;"
TWO = "CREATE TABLE IF NOT EXISTS {{db}}.two (x UInt8) ENGINE = MergeTree ORDER BY x;"


def tables(database):
    """Names of the tables in the database."""
    return [row[0] for row in database.rows("SELECT name FROM system.tables WHERE database = 'otel' ORDER BY name")]


def test_what_is_pending_runs_in_order_and_is_recorded(database, schema):
    """The record holds version, name and checksum; only a new file runs the next time."""
    assert [m.name for m in runner.migrate(database, schema(one=ONE)).applied] == ["one"]
    settings = schema(one=ONE, two=TWO)
    assert [m.name for m in runner.migrate(database, settings).applied] == ["two"]
    assert runner.migrate(database, settings).statements == []
    recorded = database.rows(
        "SELECT version, name, length(checksum), applied_at > now() - 60 FROM otel.schema_migrations"
    )
    assert sorted(map(list, recorded)) == [[1, "one", 64, 1], [2, "two", 64, 1]]
    assert tables(database) == ["one", "schema_migrations", "two"]


def test_a_changed_file_is_refused_and_nothing_runs(database, schema):
    """History cannot be rewritten: the changed file is named, and the new one beside it does not run."""
    runner.migrate(database, schema(one=ONE))
    with pytest.raises(ChangedHistoryError, match="0001_one"):
        runner.migrate(database, schema(one=ONE + "-- changed", two=TWO))
    assert "two" not in tables(database)
    assert "schema_migrations_lock" not in tables(database)


def test_a_schema_newer_than_the_program_is_refused(database, schema):
    """An older program does not work on a newer schema."""
    runner.migrate(database, schema(one=ONE, two=TWO))
    with pytest.raises(ChangedHistoryError, match="0002"):
        runner.migrate(database, schema(one=ONE))


def test_a_failed_migration_is_named_not_recorded_and_taken_up_again(database, schema):
    """What ran before it stays; the lock is given back; after the repair it goes on from there."""
    with pytest.raises(MigrationError, match=r"0002_two failed at `CREATE NONSENSE`"):
        runner.migrate(database, schema(one=ONE, two="CREATE NONSENSE"))
    assert tables(database) == ["one", "schema_migrations"]
    assert [m.name for m in runner.migrate(database, schema(one=ONE, two=TWO)).applied] == ["two"]


def test_a_plan_changes_nothing(database, schema):
    """A dry run on an empty server says what would run and leaves no trace."""
    outcome = runner.plan(database, schema(one=ONE))
    assert outcome.statements == ["CREATE TABLE IF NOT EXISTS otel.one (x UInt8) ENGINE = MergeTree ORDER BY x"]
    assert database.rows("SELECT count() FROM system.databases WHERE name = 'otel'") == [[0]]


def test_a_live_lock_is_waited_for_and_an_expired_one_taken_over(database, schema):
    """Another holder is respected until its lease has run out; then its lock is moved aside."""
    settings = schema(one=ONE)
    database.execute("CREATE DATABASE otel")
    signature = '{"owner": "other", "expires": 1000.0}'
    database.execute(f"CREATE TABLE otel.schema_migrations_lock (x UInt8) ENGINE = Memory COMMENT '{signature}'")
    with pytest.raises(LockedError, match="schema_migrations_lock"):
        runner.migrate(database, settings, now=lambda: 999.0)
    clock = iter(range(1001, 2000))
    outcome = runner.migrate(
        database, settings.model_copy(update={"wait_seconds": 60}), now=lambda: next(clock), sleep=lambda _: None
    )
    assert [m.name for m in outcome.applied] == ["one"]
    assert tables(database) == ["one", "schema_migrations"]


def test_the_lock_is_renewed_before_each_statement(database, schema):
    """A long migration does not lose its lock in the middle."""
    runner.migrate(database, schema(both=ONE + TWO))
    renewals = [sql for sql in database.executed if "MODIFY COMMENT" in sql]
    assert len(renewals) == 2


def test_the_shipped_schema_applies_and_its_retention_needs_no_change(database):
    """The real migrations run on an empty engine; a second run finds nothing, neither files nor TTLs."""
    settings = runner.MigrateSettings(_env_file=None)
    assert runner.migrate(database, settings).retention_changed == []
    again = runner.migrate(database, settings)
    assert (again.applied, again.retention_changed, again.statements) == ([], [], [])


def test_retention_changes_by_setting(database, schema):
    """A table whose TTL is not what the setting says is altered, without rewriting its parts."""
    table = "CREATE TABLE IF NOT EXISTS {{db}}.raw (t DateTime) ENGINE = MergeTree ORDER BY t\n"
    table += "TTL t + toIntervalDay({{raw_days}})\n;"
    settings = schema(raw=table)
    runner.migrate(database, settings)
    outcome = runner.migrate(database, settings.model_copy(update={"raw_retention_days": 3}))
    assert outcome.statements == [
        "ALTER TABLE otel.raw MODIFY TTL t + toIntervalDay(3) SETTINGS materialize_ttl_after_modify = 0"
    ]


def ttl_days(database):
    """How long each table keeps its rows, as the engine has it."""
    rows = database.rows(
        "SELECT name, toUInt32OrZero(extract(create_table_query, 'TTL [^,]*toIntervalDay[(]([0-9]+)')) AS days "
        "FROM system.tables WHERE database = 'otel' AND days > 0"
    )
    return {name: int(days) for name, days in rows}


def test_each_table_and_tier_is_kept_as_long_as_its_own_setting_says(database):
    """Spans, logs, metrics, predictions, labels and each tier: a change of its setting changes its TTL alone."""
    settings = runner.MigrateSettings(_env_file=None)
    runner.migrate(database, settings)
    before = ttl_days(database)
    raw = {name: days for name, days in before.items() if name.startswith("otel_")}
    assert set(raw.values()) == {30}
    working = {"label_marks_taken": 1}
    assert {name: days for name, days in before.items() if name in working} == working
    assert {days for name, days in before.items() if name not in raw and name not in working} == {400}
    own = {
        "spans": 14,
        "logs": 7,
        "metrics": 60,
        "labels": 500,
        "minutes": 450,
        "quarters": 800,
        "finished": 900,
    }
    changed = settings.model_copy(update={f"{name}_retention_days": days for name, days in own.items()})
    outcome = runner.migrate(database, changed)
    after = ttl_days(database)
    assert {name for name in after if after[name] != before[name]} == set(outcome.retention_changed)
    assert (after["otel_traces"], after["otel_traces_trace_id_ts"], after["otel_logs"]) == (14, 14, 7)
    assert {days for name, days in after.items() if name.startswith("otel_metrics_")} == {60}
    assert (after["predictions_data"], after["labels_data"]) == (400, 500)
    for name, table in (("minutes", "1m"), ("quarters", "15m"), ("finished", "finished")):
        assert {after[f"rollup_{kind}_{table}"] for kind in ("requests", "predictions")} == {own[name]}
    assert runner.migrate(database, changed).statements == []


def test_a_longer_retention_brings_nothing_back(database):
    """That older rows are gone is noted where the maintenance process looks, before they are kept longer."""
    settings = runner.MigrateSettings(_env_file=None)
    runner.migrate(database, settings)
    noted = "SELECT (now() - toDateTime(Value)) / 86400 FROM otel.maintenance_state FINAL WHERE Name = {name:String}"
    assert database.rows(noted, {"name": "whole_from:otel_traces"}) == []
    runner.migrate(database, settings.model_copy(update={"raw_retention_days": 60}))
    ((days,),) = database.rows(noted, {"name": "whole_from:otel_traces"})
    assert 29.9 < float(days) < 30
    # Shorter and longer again within the same day: what was noted stays.
    runner.migrate(database, settings.model_copy(update={"raw_retention_days": 2}))
    runner.migrate(database, settings.model_copy(update={"raw_retention_days": 60}))
    ((days,),) = database.rows(noted, {"name": "whole_from:otel_traces"})
    assert 1.9 < float(days) < 2


def test_how_long_rows_stay_whole_is_noted_with_every_change(database):
    """Readers go by it: a shorter retention counts from the moment on in which rows begin to go."""
    settings = runner.MigrateSettings(_env_file=None)
    runner.migrate(database, settings)
    noted = "SELECT Value / 86400 FROM otel.maintenance_state FINAL WHERE Name = 'whole_for:otel_traces'"
    assert database.rows(noted) == []
    for days in (2, 60):
        runner.migrate(database, settings.model_copy(update={"raw_retention_days": days}))
        assert float(database.rows(noted)[0][0]) == pytest.approx(days - 1 / 24)
