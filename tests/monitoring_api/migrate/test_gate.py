"""Nobody's rows get into a table before the views that read along are there."""

import re
from pathlib import Path

import pytest
import yaml

from services.monitoring_api.migrate import files, gate, runner
from services.monitoring_api.migrate.database import DatabaseError
from services.monitoring_api.migrate.errors import MigrationError
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import MigrateSettings

ROOT = Path(__file__).resolve().parents[3]
TARGET = Target("otel", raw_days=30, kept_days=90)
LABEL = (
    "INSERT INTO otel.otel_logs (Timestamp, ServiceName, ScopeName, EventName, LogAttributes) VALUES "
    "(now64(9), 'tests', 's', 'ml.label', map('ml.prediction.id', 'p{0}', 'ml.label.value', '1'))"
)
SPAN = (
    "INSERT INTO otel.otel_traces_ingest (Timestamp, TraceId, SpanId, ServiceName, ScopeName) VALUES "
    "(now64(9), 't{0}', 's', 'tests', 's')"
)


class Meddler:
    """A database in which somebody inserts after every statement, as a waiting Collector would."""

    def __init__(self, database):
        self.database = database
        self.rows = database.rows
        self.labels = self.spans = self.refused = 0

    def execute(self, sql):
        """Run the statement, then try to get a label and a span in."""
        self.database.execute(sql)
        self.labels += self._accepted(LABEL.format(self.labels))
        self.spans += self._accepted(SPAN.format(self.spans))

    def _accepted(self, sql):
        try:
            self.database.execute(sql)
        except DatabaseError as error:
            self.refused += "ScopeName" in str(error)
            return 0
        return 1


def count(database, table):
    """Rows of a table."""
    return int(database.rows(f"SELECT count() FROM otel.{table}")[0][0])


def test_what_is_accepted_while_the_schema_is_made_is_seen_by_every_view(database):
    """Inserts are refused until the views are there; each that is accepted arrives as a label, or as a span."""
    meddler = Meddler(database)
    runner.migrate(meddler, MigrateSettings(_env_file=None))
    meddler.execute("SELECT 1")
    assert meddler.refused > 10
    assert (meddler.labels > 0, meddler.spans > 0) == (True, True)
    assert count(database, "labels") == meddler.labels == count(database, "otel_logs")
    assert count(database, "otel_traces") == meddler.spans
    assert runner.migrate(database, MigrateSettings(_env_file=None)).statements == []


def test_a_run_that_failed_leaves_the_gate_shut_and_the_next_opens_it(database, schema):
    """A table whose views are still missing takes nothing; once the rest has run, it does."""
    table = (
        "CREATE TABLE IF NOT EXISTS {{db}}.otel_logs (\n    Timestamp DateTime64(9),\n    ScopeName String\n) "
        "ENGINE = MergeTree ORDER BY Timestamp"
    )
    insert = "INSERT INTO otel.otel_logs (Timestamp, ScopeName) VALUES (now64(9), 's')"
    with pytest.raises(MigrationError):
        runner.migrate(database, schema(logs=table, view="CREATE NONSENSE"))
    with pytest.raises(DatabaseError, match="ScopeName"):
        database.execute(insert)
    planned = runner.plan(database, schema(logs=table, view="SELECT 1")).statements
    assert runner.migrate(database, schema(logs=table, view="SELECT 1")).statements == planned
    database.execute(insert)
    assert count(database, "otel_logs") == 1


def test_a_plan_on_an_empty_server_says_that_the_gate_is_opened(database):
    """A dry run prints what a run then does, statement by statement."""
    settings = MigrateSettings(_env_file=None)
    assert runner.plan(database, settings).statements == runner.migrate(database, settings).statements


@pytest.mark.parametrize("cluster", ["", "c"])
def test_each_table_of_the_collector_that_a_view_reads_has_a_gate(cluster):
    """The Collector's configuration and the schema's views are held together, on a cluster too."""
    target = Target("otel", 30, 90, cluster)
    exporter = yaml.safe_load((ROOT / "collector/config.yaml").read_text())["exporters"]["clickhouse"]
    written = {exporter.get(f"{kind}_table_name", f"otel_{kind}") for kind in ("traces", "logs")}
    written |= {f"otel_metrics_{kind}" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")}
    statements = [s for m in files.load(ROOT / "collector/schema") for s in render(m.template, target)]
    read = {
        table.removesuffix("_local")
        for statement in statements
        if "CREATE MATERIALIZED VIEW" in statement
        for table in re.findall(r"FROM otel\.(\w+)", statement)
    }
    assert written & read == set(gate.TABLES)
    shut = gate.shut_by(statements)
    assert {table.removesuffix("_local") for table in shut} == set(gate.TABLES)
    assert ("otel_logs_local" in shut) == bool(cluster)
    assert [gate.close(s) != s for s in statements].count(True) == len(gate.TABLES)
