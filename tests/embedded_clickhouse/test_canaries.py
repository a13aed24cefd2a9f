"""For each way out of the database a canary is planted that must stay where it is, whoever asks."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

CANARY = "canary-7f3a"
DENIED = 497
SETTING_REFUSED = 452


@pytest.fixture
def canary_file(server) -> Path:
    """A file that the engine could read: beside its data, and in its user files."""
    path = server.folder / "canary.csv"
    path.write_text(f"{CANARY}\n")
    user_files = server.folder / "clickhouse" / "user_files"
    user_files.mkdir(exist_ok=True)
    (user_files / "canary.csv").write_text(f"{CANARY}\n")
    return path


@pytest.fixture
def listening_url():
    """A server on loopback that counts who calls it."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CANARY.encode())

        do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815  (the names that http.server asks for)

        def log_message(self, *_):
            pass

    web = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}/x", calls
    web.shutdown()
    web.server_close()


READING_FILES = [
    "SELECT * FROM file('{path}', CSV, 'line String')",
    "SELECT * FROM file('canary.csv', CSV, 'line String')",
    "SELECT * FROM `file`('{path}', CSV, 'line String')",
    "SELECT * FROM \"file\"('{path}', CSV, 'line String')",
    "SELECT * FROM/**/fIlE('{path}', CSV, 'line String')",
    "SELECT file('{path}')",
    "SELECT file('canary.csv')",
    "SELECT arrayMap(file, ['canary.csv'])",
    "SELECT arrayMap(x -> file(x), ['canary.csv'])",
    "SELECT * APPLY(file) FROM (SELECT 'canary.csv' AS name)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT 'canary.csv' AS name)",
    "SELECT COLUMNS('name') APPLY file FROM (SELECT 'canary.csv' AS name)",
    "WITH x AS (SELECT * FROM file('{path}', CSV, 'line String')) SELECT * FROM x",
    "WITH (SELECT line FROM file('{path}', CSV, 'line String')) AS line SELECT line",
    "SELECT (SELECT line FROM file('{path}', CSV, 'line String'))",
    "SELECT 1 WHERE 1 IN (SELECT length(line) FROM file('{path}', CSV, 'line String'))",
    "SELECT 1 UNION ALL SELECT length(line) FROM file('{path}', CSV, 'line String')",
    "SELECT 1 INTERSECT SELECT length(line) FROM file('{path}', CSV, 'line String')",
    "SELECT * FROM view(SELECT * FROM file('{path}', CSV, 'line String'))",
    "SELECT * FROM otel.numbers JOIN file('{path}', CSV, 'line String') AS f ON true",
    "SELECT * FROM otel.numbers WHERE n IN file('{path}', CSV, 'line String')",
    "SELECT n FROM otel.numbers ORDER BY file('canary.csv') LIMIT 1",
    "SELECT n FROM otel.numbers GROUP BY n HAVING file('canary.csv') != ''",
    "SELECT sum(n) OVER (PARTITION BY file('canary.csv')) FROM otel.numbers",
    "SELECT 1 LIMIT length(file('canary.csv'))",
    "DESCRIBE TABLE file('{path}')",
    "DESCRIBE (SELECT * FROM file('{path}', CSV, 'line String'))",
    "EXPLAIN SELECT * FROM file('{path}', CSV, 'line String')",
    "EXPLAIN SYNTAX SELECT file('canary.csv')",
    "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:3306', 'db', 'table', 'user', 'pass') PARTITION BY a",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM file('{path}', CSV, 'line String')))",
    "SELECT * FROM viewIfPermitted(SELECT 1 ELSE file('{path}', CSV, 'line String'))",
    "SELECT * FROM '{path}'",
    "SELECT * FROM `{path}`",
    "SELECT * FROM default.`{path}`",
    "WITH `{path}` AS (SELECT 1) SELECT * FROM default.`{path}`",
    "DESCRIBE TABLE default.`{path}`",
    "SHOW CREATE TABLE default.`{path}`",
    "SELECT 1 IN default.`{path}`",
    "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '{path}'",
    "SELECT * FROM fileCluster('default', '{path}', CSV, 'line String')",
    "SELECT * FROM sqlite('{path}', 'x')",
    "SELECT * FROM executable('cat {path}', CSV, 'line String')",
    "SELECT * FROM deltaLakeLocal('{path}')",
    "SELECT * FROM filesystem('{path}')",
    "SELECT * FROM loop(file('{path}', CSV, 'line String')) LIMIT 1",
    "SELECT * FROM merge('system', '.*')",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT * FROM dictionary('d')",
    "SELECT * FROM python(settings)",
    "SELECT * FROM Python(settings)",
    "SELECT catboostEvaluate('{path}', 1)",
    "SELECT hasColumnInTable('127.0.0.1:9000', 'default', 'x', 'd', 't', 'c')",
    "SELECT dictGet('d', 'a', 1)",
    "SELECT joinGet('otel.j', 'a', 1)",
]


@pytest.mark.parametrize("user", ["reader", "collector", "maintainer", "migrator"])
@pytest.mark.parametrize("statement", READING_FILES)
def test_no_user_reads_files_processes_or_variables(server, canary_file, user, statement):
    """A canary file never comes out, however deep in a statement the reading function is hidden."""
    for database in ("otel", "default", ""):
        answer = server.post(user, statement.format(path=canary_file), database=database)
        code = answer.headers.get("X-ClickHouse-Exception-Code")
        # 62: no such syntax; 60: the name of a file is only the name of a table that does not exist.
        assert code in {str(DENIED), str(SETTING_REFUSED), "62", "60"}, answer.text[:300]
        assert CANARY not in answer.text


@pytest.mark.parametrize("user", ["reader", "collector", "maintainer", "migrator"])
def test_a_table_function_is_found_behind_parameters(server, canary_file, user):
    """Names bound as Identifier are judged by what they become."""
    statement = "SELECT * FROM {db:Identifier}.{table:Identifier}"
    parameters = {"param_db": "system", "param_table": "users"}
    assert server.refusal(user, statement, **parameters) == DENIED
    assert server.refusal(user, statement, param_db="default", param_table=str(canary_file)) == DENIED
    assert server.refusal(user, "SELECT arrayMap({f:Identifier}, ['canary.csv'])", param_f="file") == DENIED
    for statement in (
        "DROP TABLE {db:Identifier}.{table:Identifier}",
        "TRUNCATE TABLE {db:Identifier}.{table:Identifier}",
        "INSERT INTO {db:Identifier}.{table:Identifier} SELECT 1",
        "INSERT INTO {db:Identifier}.{table:Identifier} VALUES (1)",
        "ALTER TABLE {db:Identifier}.{table:Identifier} DELETE WHERE 1",
        "CREATE TABLE {db:Identifier}.{table:Identifier} (n UInt8) ENGINE = Memory",
        "RENAME TABLE otel.numbers TO {db:Identifier}.{table:Identifier}",
        "DROP DATABASE {db:Identifier}",
    ):
        assert server.refusal(user, statement, param_db="system", param_table="one") in {DENIED, 62}, statement


OUTFILES = [
    "SELECT 1 INTO OUTFILE '{path}'",
    "SELECT 1 INTO OUTFILE '{path}' FORMAT CSV SETTINGS max_threads = 1",
    "SELECT 1 INTO/**/OUTFILE '{path}' TRUNCATE",
    "SELECT 1 INTO OUTFILE '{path}' AND STDOUT",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '{path}'",
    "SHOW TABLES FROM otel INTO OUTFILE '{path}'",
    "DESCRIBE TABLE otel.numbers INTO OUTFILE '{path}'",
    "SHOW CREATE TABLE otel.numbers INTO OUTFILE '{path}'",
    "EXISTS TABLE otel.numbers INTO OUTFILE '{path}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{path}'",
    "INSERT INTO FUNCTION file('{path}', CSV, 'n UInt8') SELECT 1",
    "INSERT INTO FUNCTION file('{path}', CSV, 'n UInt8') VALUES (1)",
    "INSERT INTO TABLE FUNCTION file('{path}', CSV, 'n UInt8') FORMAT CSV\n1",
    "BACKUP TABLE otel.numbers TO File('{path}')",
]


@pytest.mark.parametrize("user", ["reader", "collector", "maintainer", "migrator"])
@pytest.mark.parametrize("statement", OUTFILES)
def test_no_user_writes_files(server, tmp_path, user, statement):
    """The file never appears."""
    path = tmp_path / "out"
    answer = server.post(user, statement.format(path=path))
    assert answer.status_code != 200, answer.text
    assert not path.exists()


@pytest.mark.parametrize("user", ["reader", "collector", "maintainer", "migrator"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM url('{url}', CSV, 'line String')",
        "SELECT * FROM urlCluster('default', '{url}', CSV, 'line String')",
        "SELECT * FROM s3('{url}', CSV, 'line String')",
        "SELECT * FROM s3('{url}', NOSIGN, CSV, 'line String')",
        "SELECT * FROM iceberg('{url}')",
        "SELECT * FROM remote('127.0.0.1', otel.numbers)",
        "SELECT * FROM cluster('default', otel.numbers)",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "INSERT INTO FUNCTION url('{url}', CSV, 'line String') VALUES ('x')",
        "SELECT aiGenerate('{url}', 'x')",
    ],
)
def test_no_user_reaches_other_machines(server, listening_url, user, statement):
    """A listening server is never called."""
    url, calls = listening_url
    answer = server.post(user, statement.format(url=url))
    assert answer.headers.get("X-ClickHouse-Exception-Code") in {str(DENIED), "62"}, answer.text[:300]
    assert calls == []
