"""From templates to statements, for one server and for a cluster."""

import pytest

from services.monitoring_api.migrate import files
from services.monitoring_api.migrate.errors import MigrationError
from services.monitoring_api.migrate.rendering import Target, render, split
from services.monitoring_api.migrate.settings import SCHEMA_DIR

SINGLE = Target(database="otel", raw_days=30, kept_days=400)
CLUSTER = Target(database="otel", raw_days=30, kept_days=400, cluster="main")
TEMPLATE = """
-- a comment; with a semicolon
CREATE TABLE IF NOT EXISTS {{db}}.t{{local}} {{on_cluster}}
(x String DEFAULT ';--not a comment')
ENGINE = {{engine:ReplacingMergeTree(ver)}}
TTL x + toIntervalDay({{raw_days}});

{{distributed:t:cityHash64(x, y)}};
"""


def test_one_server():
    """Without a cluster there are plain engines, plain names and no Distributed table."""
    assert "\n;\n".join(render(TEMPLATE, SINGLE)) == (
        "CREATE TABLE IF NOT EXISTS otel.t\n"
        "(x String DEFAULT ';--not a comment')\n"
        "ENGINE = ReplacingMergeTree(ver)\n"
        "TTL x + toIntervalDay(30)"
    )


def test_a_cluster():
    """On a cluster rows lie in replicated local tables behind a Distributed one, made everywhere at once."""
    assert "\n;\n".join(render(TEMPLATE, CLUSTER)) == (
        "CREATE TABLE IF NOT EXISTS otel.t_local ON CLUSTER `main`\n"
        "(x String DEFAULT ';--not a comment')\n"
        "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ver)\n"
        "TTL x + toIntervalDay(30)\n;\n"
        "CREATE TABLE IF NOT EXISTS otel.t ON CLUSTER `main`\n"
        "AS otel.t_local\n"
        "ENGINE = Distributed(`main`, otel, t_local, cityHash64(x, y))"
    )


def test_an_engine_without_parameters_is_replicated_too():
    """MergeTree has no parameters of its own."""
    assert CLUSTER.engine("MergeTree") == (
        "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"
    )


def test_the_shipped_schema_on_a_cluster():
    """Every stored table is replicated and has its Distributed twin; every definition names the cluster."""
    statements = [each for migration in files.load(SCHEMA_DIR) for each in render(migration.template, CLUSTER)]
    definitions = [each for each in statements if not each.startswith("INSERT INTO")]
    assert all("ON CLUSTER `main`" in each.split("\n", 1)[0] for each in definitions)
    assert all("IF NOT EXISTS" in each.split("\n", 1)[0] for each in definitions if each.startswith("CREATE"))
    added = [line for each in definitions if each.startswith("ALTER") for line in each.split("\n")[1:]]
    assert all(line.strip().startswith("ADD COLUMN IF NOT EXISTS") for line in added)
    stored = {each.split()[5] for each in statements if "\nENGINE = Replicated" in each}
    distributed = {f"{each.split()[5]}_local" for each in statements if "\nENGINE = Distributed" in each}
    assert stored == distributed
    assert all(name.endswith("_local") for name in stored)
    assert not [each for each in statements if "\nENGINE = MergeTree" in each or "{{" in each]


def test_an_unknown_placeholder_is_refused():
    """A misspelt placeholder does not reach ClickHouse."""
    with pytest.raises(MigrationError, match="on_custer"):
        render("CREATE TABLE t {{on_custer}};", SINGLE)


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("a; b;\n", ["a", "b"]),
        ("SELECT 'it''s; fine'; /* ; */ x", ["SELECT 'it''s; fine'", "x"]),
        (r"SELECT '\'; --'; y", [r"SELECT '\'; --'", "y"]),
        ("SELECT `a;b`, 1 - 2 / 3 -- end", ["SELECT `a;b`, 1 - 2 / 3"]),
        ("-- nothing\n;;", []),
    ],
)
def test_statements_end_at_semicolons_outside_of_quotes(sql, statements):
    """Quotes, escapes, comments and operators that begin like comments."""
    assert split(sql) == statements


@pytest.mark.parametrize("names", [["0001_a", "0003_b"], ["0001_a", "0001_b"], ["1_a"], ["0001_A"], []])
def test_files_are_numbered_without_gaps(tmp_path, names):
    """A gap, a twin, another form of name or an empty folder is refused."""
    for name in names:
        (tmp_path / f"{name}.sql").write_text("")
    with pytest.raises(MigrationError):
        files.load(tmp_path)
