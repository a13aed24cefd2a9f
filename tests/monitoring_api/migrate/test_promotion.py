"""An attribute becomes a typed column on a store that has data, in the way that docs/storage.md describes."""

import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.monitoring_api.migrate import runner
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import SCHEMA_DIR, MigrateSettings
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.filters import equal
from services.monitoring_api.queries.plan import raw_only
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.series import series_query
from services.monitoring_api.queries.source import Dimension
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.migrate.chdb_database import ChdbDatabase
from tests.monitoring_api.store import T0

DOCUMENT = Path(__file__).parents[3] / "docs" / "storage.md"
HOUR = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(hours=1)))


@pytest.fixture
def settings(tmp_path):
    """Settings with a copy of the shipped schema, as it was before error types, to add files to."""
    folder = tmp_path / "schema"
    shutil.copytree(SCHEMA_DIR, folder)
    for path in sorted(folder.glob("*.sql")):
        if int(path.name[:4]) >= 10:
            path.unlink()
    return MigrateSettings(_env_file=None, schema_dir=folder, wait_seconds=0, raw_retention_days=3650)


def insert(database: ChdbDatabase, span_id: str, attributes: str) -> None:
    """A request at T0 with these attributes."""
    at = T0.strftime("%Y-%m-%d %H:%M:%S")
    database.execute(
        "INSERT INTO otel.otel_traces (Timestamp, TraceId, SpanId, SpanKind, ServiceName, SpanAttributes) VALUES "
        f"('{at}', 't', '{span_id}', 'Server', 'shop', {attributes})"
    )


def documented() -> tuple[str, Dimension]:
    """The migration that the document tells to write, and the dimension."""
    text = DOCUMENT.read_text()
    (migration,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    ((name, column),) = re.findall(r'`Dimension\("(\w+)", "(\w+)"\)`', text)
    return migration, Dimension(name, column)


def counted(database: ChdbDatabase, dimension: Dimension, *, value: str | None = None) -> dict[str, int]:
    """Requests of the hour by a dimension, or those with one value of it, asked as the API asks."""
    metric = CATALOGUE["request_rate"]
    source = replace(metric.source, dimensions={**metric.source.dimensions, dimension.name: dimension})
    filters = [] if value is None else [equal(dimension.name, value)]
    question = ask(replace(metric, source=source), HOUR, group_by=[dimension.name], filters=filters)
    assert not any(question.tiers(None))
    query = series_query(question, raw_only(HOUR), None, most_rows=10)
    database.execute("USE otel")
    rows = database.rows(query.sql, {name: str(given) for name, given in query.parameters.items()})
    return {str(group): int(base) for _, _, base, _, group in rows}


def test_the_type_of_an_error_is_a_column_of_rows_from_before_too(database, settings):
    """The migration runs on a table with data; what was there, what comes and what is written anew have the column."""
    runner.migrate(database, settings)
    insert(database, "a", "{'error.type': 'timeout'}")
    insert(database, "b", "{}")
    (shipped,) = SCHEMA_DIR.glob("0010_*.sql")
    shutil.copy(shipped, settings.schema_dir)
    assert [each.version for each in runner.migrate(database, settings).applied] == [10]
    insert(database, "c", "{'error.type': '500'}")
    (dimension,) = [each for name, each in CATALOGUE["request_rate"].source.dimensions.items() if name == "error_type"]
    wanted = {"": 1, "500": 1, "timeout": 1}
    assert counted(database, dimension) == wanted
    assert counted(database, dimension, value="timeout") == {"timeout": 1}
    database.execute("OPTIMIZE TABLE otel.otel_traces FINAL")
    assert counted(database, dimension) == wanted


def test_one_more_attribute_is_promoted_as_documented(database, settings):
    """The document's statements, run by the runner on a store with data, and its dimension, asked as the API asks."""
    runner.migrate(database, settings)
    insert(database, "a", "{'user.tier': 'gold'}")
    insert(database, "b", "{'user.tier': 'it''s'}")
    migration, dimension = documented()
    (settings.schema_dir / "0010_user_tier.sql").write_text(migration)
    assert [each.name for each in runner.migrate(database, settings).applied] == ["user_tier"]
    insert(database, "c", "{'user.tier': 'gold'}")
    assert counted(database, dimension) == {"gold": 2, "it's": 1}
    assert counted(database, dimension, value="it's") == {"it's": 1}
    database.execute(f"ALTER TABLE otel.otel_traces MATERIALIZE COLUMN {dimension.raw} SETTINGS mutations_sync = 2")
    assert counted(database, dimension) == {"gold": 2, "it's": 1}
    assert runner.migrate(database, settings).statements == []


@pytest.mark.parametrize("which", ["documented", "shipped"])
def test_on_a_cluster_both_tables_get_the_column(which):
    """Where rows lie, and where people ask; everywhere at once, and harmless to repeat."""
    (shipped,) = SCHEMA_DIR.glob("0010_*.sql")
    migration = documented()[0] if which == "documented" else shipped.read_text()
    statements = render(migration, Target("otel", 30, 400, cluster="main"))
    heads = [each.split(" LowCardinality")[0].rsplit(" ", 1)[0] for each in statements]
    assert heads == [
        "ALTER TABLE otel.otel_traces_local ON CLUSTER `main` ADD COLUMN IF NOT EXISTS",
        "ALTER TABLE otel.otel_traces ON CLUSTER `main` ADD COLUMN IF NOT EXISTS",
    ]
    single = render(migration, Target("otel", 30, 400))
    assert all(each.startswith("ALTER TABLE otel.otel_traces  ADD COLUMN IF NOT EXISTS") for each in single)
