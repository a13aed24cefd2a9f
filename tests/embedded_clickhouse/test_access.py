"""What each user may and may not do; for each way out of the database a canary is planted that must stay where it is."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
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

        do_POST = do_HEAD = do_PUT = do_GET

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
    'SELECT * FROM "file"(\'{path}\', CSV, \'line String\')',
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
    answer = server.post(user, statement.format(path=canary_file))
    assert answer.headers.get("X-ClickHouse-Exception-Code") in {str(DENIED), "62"}, answer.text[:300]
    assert CANARY not in answer.text


@pytest.mark.parametrize("user", ["reader", "collector", "maintainer", "migrator"])
def test_a_table_function_is_found_behind_parameters(server, canary_file, user):
    """Names bound as Identifier are judged by what they become."""
    statement = "SELECT * FROM {db:Identifier}.{table:Identifier}"
    parameters = {"param_db": "system", "param_table": "users"}
    assert server.refusal(user, statement, **parameters) == DENIED
    answer = server.post(user, statement, param_db="file", param_table=f"'{canary_file}'")
    assert answer.status_code != 200


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


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO otel.numbers VALUES (1, 'x')",
        "INSERT INTO otel.numbers SELECT 1, 'x'",
        "CREATE TABLE otel.mine (n UInt8) ENGINE = Memory",
        "CREATE VIEW otel.mine AS SELECT 1",
        "CREATE TEMPORARY TABLE mine (n UInt8)",
        "CREATE FUNCTION f AS x -> x",
        "DROP TABLE otel.numbers",
        "TRUNCATE TABLE otel.numbers",
        "ALTER TABLE otel.numbers DELETE WHERE 1",
        "OPTIMIZE TABLE otel.numbers",
        "RENAME TABLE otel.numbers TO otel.other",
        "SYSTEM FLUSH LOGS",
        "SYSTEM SHUTDOWN",
        "GRANT ALL ON *.* TO default",
        "CREATE USER u",
        "ATTACH TABLE otel.numbers",
        "DETACH TABLE otel.numbers",
        "CHECK TABLE otel.numbers",
        "KILL MUTATION WHERE 1",
        "BEGIN TRANSACTION",
        "SELECT * FROM system.processes",
        "SELECT * FROM system.users",
        "SELECT * FROM system.named_collections",
        "SELECT 1 IN system.users",
        "SELECT n IN (system.users) FROM otel.numbers",
        "SHOW PROCESSLIST",
        "SHOW GRANTS",
        "SELECT * FROM secret.data",
    ],
)
def test_the_reader_only_reads_what_it_may(server, statement):
    """Nothing is changed and nothing of other people is shown."""
    before = server.ask("reader", "SELECT count() FROM otel.numbers")
    assert server.refusal("reader", statement) in {DENIED, 62, 48, 164, 60, 81}
    assert server.ask("reader", "SELECT count() FROM otel.numbers") == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count() FROM otel.numbers",
        "SELECT n IN (1, 2), n IN [3], (n, 1) IN ((1, 1)) FROM otel.numbers LIMIT 1",
        "WITH few AS (SELECT n FROM otel.numbers LIMIT 3) SELECT count() FROM otel.numbers WHERE n IN few",
        "SELECT quantilesDDState(0.01, 0.5)(n) FROM otel.numbers FORMAT Null",
        "SELECT sumIf(n, n > 3), arrayMap(x -> x + 1, groupArray(3)(n)) FROM otel.numbers",
        "SELECT * FROM numbers(3) UNION ALL SELECT * FROM generate_series(1, 3)",
        "SELECT a.n FROM otel.numbers AS a JOIN (SELECT number AS n FROM numbers(5)) AS b USING n",
        "SELECT * FROM values('a UInt8', 1, 2)",
        "SELECT name FROM system.tables WHERE database = 'otel'",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'otel'",
        "DESCRIBE TABLE otel.numbers",
        "DESC otel.numbers",
        "DESCRIBE (SELECT 1 AS x)",
        "SHOW TABLES FROM otel",
        "SHOW DATABASES",
        "SHOW CREATE TABLE otel.numbers",
        "SHOW COLUMNS FROM numbers FROM otel",
        "EXISTS TABLE otel.numbers",
        "EXISTS otel.nosuch",
        "EXPLAIN SELECT * FROM otel.numbers",
        "EXPLAIN indexes = 1, actions = 1 SELECT * FROM otel.numbers WHERE n = 3",
        "EXPLAIN PIPELINE SELECT 1",
        "EXPLAIN AST SELECT 1",
        "-- a comment\nSELECT 1; -- and one after",
        "(SELECT 1)",
        "SELECT 1 AS settings, 'INTO OUTFILE' AS `file`",
    ],
)
def test_the_reader_may_ask_this(server, statement):
    """The allow-list is wide enough for honest questions."""
    assert server.ask("reader", statement) is not None


@pytest.mark.parametrize("user", ["reader", "maintainer", "migrator"])
def test_several_statements_at_once_are_refused(server, user):
    """Only one statement runs, wherever the other hides."""
    for statement in ("SELECT 1; DROP TABLE otel.numbers", "SELECT 1;\n--\n;SELECT 2", "SELECT 1;;SELECT 2"):
        assert server.refusal(user, statement) == 62


LIMITS = {
    "max_execution_time": "10",
    "max_memory_usage": "2000000000",
    "max_rows_to_read": "10000000000",
    "max_result_rows": "20000000",
    "max_threads": "4",
}
READ_SETTING = "SELECT value FROM system.settings WHERE name = {name:String}"


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["0", "99999999999999"])
def test_the_reader_cannot_raise_a_limit(server, name, value):
    """In the URL a limit is lowered to the pin, in the text it is refused at every level, and 0 is no way around."""
    effective = server.ask("reader", READ_SETTING, param_name=name, **{name: value}).strip()
    assert effective == LIMITS[name]
    for statement in (
        f"SELECT 1 SETTINGS {name} = {value}",
        f"SELECT 1 FORMAT CSV SETTINGS {name} = {value}",
        f"SELECT * FROM (SELECT 1 SETTINGS {name} = {value})",
        f"SELECT 1 UNION ALL (SELECT 2 SETTINGS {name} = '{value}')",
        f"WITH x AS (SELECT 1 SETTINGS {name} = {value}) SELECT * FROM x",
        f"SELECT (SELECT 1 SETTINGS {name} = {value})",
        f"DESCRIBE (SELECT 1 SETTINGS {name} = {value})",
        f"EXPLAIN SELECT 1 SETTINGS {name} = {value}",
    ):
        assert server.refusal("reader", statement) == SETTING_REFUSED, statement


def test_the_reader_may_lower_a_limit(server):
    """A lower value is taken, from the URL and from the text."""
    assert server.ask("reader", READ_SETTING, param_name="max_threads", max_threads="1").strip() == "1"
    text = "SELECT getSetting('max_threads') SETTINGS max_threads = 2"
    assert server.ask("reader", text).strip() == "2"
    assert server.ask("reader", f"SELECT * FROM ({text})").strip() == "2"
    slow = "SELECT count() FROM numbers(9000000000) WHERE sipHash64(number) = 1"
    assert server.refusal("reader", slow, max_execution_time="1") == 159
    assert server.refusal("reader", f"{slow} SETTINGS max_execution_time = 1") == 159
    assert server.refusal("reader", "SELECT * FROM otel.numbers", max_result_rows="10") == 396
    assert server.refusal("reader", "SELECT * FROM otel.numbers", max_rows_to_read="10") == 158
    assert server.refusal("reader", "SELECT groupArray(n) FROM otel.numbers", max_memory_usage="1000") == 241


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("readonly", "0"),
        ("max_bytes_to_read", "5"),
        ("profile", "default"),
        ("allow_introspection_functions", "1"),
        ("allow_ddl", "1"),
        ("log_comment", "x"),
        ("dialect", "kusto"),
        ("additional_table_filters", "{}"),
        ("nosuch_setting", "1"),
        ("output_format_schema", "/tmp/x"),
    ],
)
def test_a_setting_off_the_list_is_refused(server, name, value):
    """Not ignored: the reader is told."""
    assert server.refusal("reader", "SELECT 1", **{name: value}) in {SETTING_REFUSED, 115}
    assert server.refusal("reader", f"SELECT 1 SETTINGS {name} = '{value}'") in {SETTING_REFUSED, 115}


def test_default_and_parameter_clauses_are_refused(server):
    """SETTINGS x = DEFAULT would lift a pin, and SETTINGS param_x would change a judged name."""
    assert server.refusal("reader", "SELECT 1 SETTINGS max_execution_time = DEFAULT") == DENIED
    statement = "SELECT * FROM otel.{t:Identifier} SETTINGS param_t = 'numbers'"
    assert server.refusal("reader", statement, param_t="numbers") == 36
    assert server.refusal("reader", "SET max_execution_time = 0") in {48, 497}


def test_no_setting_and_no_database_leaks_between_requests(server):
    """What one request chooses is not there in the next, whoever asks."""
    for _ in range(3):
        assert server.ask("maintainer", "SELECT currentDatabase()", database="otel").strip() == "otel"
        assert server.ask("maintainer", "SELECT currentDatabase()").strip() == "default"
        changed = "SELECT name, value FROM system.settings WHERE changed ORDER BY name"
        before = server.ask("reader", changed, query_id="leak")
        server.ask("reader", "SELECT 1", join_use_nulls="1", max_block_size="100")
        server.ask("maintainer", "SELECT 1 SETTINGS max_block_size = 50", join_use_nulls="1")
        assert server.ask("reader", changed, query_id="leak") == before


def test_the_collector_inserts_and_shakes_hands_but_reads_nothing(server):
    """Whoever finds the Collector's password cannot read what it wrote."""
    server.ask("migrator", "CREATE TABLE IF NOT EXISTS otel.inbox (n UInt64) ENGINE = MergeTree ORDER BY n")
    assert server.ask("collector", "SELECT displayName(), version(), revision(), timezone()")
    assert server.ask("collector", "DESC TABLE `otel`.`inbox`")
    server.ask("collector", "INSERT INTO otel.inbox FORMAT TSV\n1\n2\n")
    assert server.ask("reader", "SELECT sum(n) FROM otel.inbox").strip() == "3"
    for statement in (
        "SELECT * FROM otel.inbox",
        "SELECT (SELECT max(n) FROM otel.inbox)",
        "SELECT 1 IN otel.inbox",
        "INSERT INTO otel.inbox SELECT * FROM otel.numbers",
        "ALTER TABLE otel.inbox DELETE WHERE 1",
        "DROP TABLE otel.inbox",
        "INSERT INTO system.one FORMAT TSV\n1\n",
        "EXPLAIN SELECT * FROM otel.inbox",
    ):
        assert server.refusal("collector", statement) == DENIED, statement


def test_the_maintainer_keeps_house_and_no_more(server):
    """Deletes, partitions, TTLs and merges in our database; no new tables, nothing outside."""
    server.ask("migrator", "CREATE TABLE otel.kept (d Date, n UInt64) ENGINE = MergeTree PARTITION BY d ORDER BY n")
    server.ask("migrator", "CREATE TABLE otel.kept2 AS otel.kept")
    server.ask("maintainer", "INSERT INTO otel.kept VALUES ('2024-01-01', 1), ('2024-01-02', 2), ('2024-01-03', 3)")
    for statement in (
        "ALTER TABLE otel.kept DELETE WHERE n = 1 SETTINGS mutations_sync = 2",
        "DELETE FROM otel.kept WHERE n = 77",
        "ALTER TABLE otel.kept DROP PARTITION '2024-01-02'",
        "ALTER TABLE otel.kept MODIFY TTL d + INTERVAL 1000 YEAR",
        "ALTER TABLE otel.kept2 REPLACE PARTITION '2024-01-03' FROM otel.kept",
        "OPTIMIZE TABLE otel.kept FINAL",
        "SELECT * FROM system.processes",
        "TRUNCATE TABLE otel.kept2",
    ):
        server.ask("maintainer", statement)
    assert server.ask("maintainer", "SELECT groupArray(n) FROM otel.kept").strip() == "[3]"
    for statement in (
        "DROP TABLE otel.kept",
        "CREATE TABLE otel.x (n UInt8) ENGINE = Memory",
        "ALTER TABLE otel.kept ADD COLUMN x UInt8",
        "ALTER TABLE system.one DELETE WHERE 1",
        "ALTER TABLE otel.kept MOVE PARTITION '2024-01-03' TO DISK 'default'",
        "ALTER TABLE otel.kept FREEZE",
        "ALTER TABLE otel.kept REPLACE PARTITION '2024-01-03' FROM default.kept",
        "RENAME TABLE otel.kept TO otel.x",
        "TRUNCATE DATABASE otel",
        "ALTER TABLE otel.kept DELETE WHERE file('canary.csv') != ''",
        "INSERT INTO otel.kept SELECT today(), 1 FROM url('http://127.0.0.1:1', CSV, 'x String')",
    ):
        assert server.refusal("maintainer", statement) == DENIED, statement


def test_the_migrator_defines_in_our_databases_only(server):
    """Every DDL the schema needs works; engines and clauses that reach outside do not."""
    for statement in (
        "CREATE DATABASE IF NOT EXISTS otel",
        "CREATE TABLE spare.a (n UInt64, x String) ENGINE = ReplacingMergeTree ORDER BY n SETTINGS index_granularity = 1024",
        "CREATE TABLE spare.sums (n UInt64, s AggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY n",
        "CREATE MATERIALIZED VIEW spare.mv TO spare.sums AS SELECT n, sumState(n) AS s FROM spare.a GROUP BY n",
        "CREATE VIEW spare.v AS SELECT * FROM spare.a",
        "CREATE OR REPLACE VIEW spare.v AS SELECT n FROM spare.a WHERE n > {least:UInt64}",
        "ALTER TABLE spare.a ADD COLUMN y String DEFAULT lower(x), ADD INDEX i n TYPE minmax",
        "ALTER TABLE spare.a MODIFY COLUMN y LowCardinality(String)",
        "RENAME TABLE spare.a TO spare.b",
        "EXCHANGE TABLES spare.b AND spare.sums",
        "DROP VIEW spare.mv",
        "DROP TABLE spare.b",
        "DROP DATABASE spare",
    ):
        server.ask("migrator", statement, param_least="3")
    for statement in (
        "CREATE DATABASE other",
        "CREATE DATABASE otel ENGINE = MySQL('127.0.0.1:1', 'a', 'b', 'c')",
        "CREATE TABLE default.x (n UInt8) ENGINE = Memory",
        "CREATE TABLE x (n UInt8) ENGINE = Memory",
        "CREATE TABLE otel.x (n String) ENGINE = File(CSV, '/etc/passwd')",
        "CREATE TABLE otel.x (n String) ENGINE = URL('http://127.0.0.1:1', CSV)",
        "CREATE TABLE otel.x (n String) ENGINE = Executable('x', CSV)",
        "CREATE TABLE otel.x (n String) ENGINE = Merge('system', '.*')",
        "CREATE TABLE otel.x (n String) ENGINE = Dictionary('d')",
        "CREATE TABLE otel.x (n String) ENGINE = MergeTree ORDER BY n SETTINGS disk = disk(type = local, path = '/tmp/x/')",
        "CREATE TABLE otel.x (n String) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = 'x'",
        "CREATE TABLE otel.x AS file('/etc/passwd', CSV, 'line String')",
        "CREATE TABLE otel.x ENGINE = Memory AS SELECT * FROM file('/etc/passwd', CSV, 'line String')",
        "CREATE TABLE otel.x (n String DEFAULT file('canary.csv')) ENGINE = Memory",
        "CREATE TABLE otel.x AS system.users",
        "CREATE VIEW otel.x AS SELECT * FROM url('http://127.0.0.1:1', CSV, 'x String')",
        "CREATE MATERIALIZED VIEW otel.x TO system.one AS SELECT * FROM otel.numbers",
        "CREATE MATERIALIZED VIEW otel.x ENGINE = File(CSV) AS SELECT * FROM otel.numbers",
        "CREATE DICTIONARY otel.d (n UInt64) PRIMARY KEY n SOURCE(FILE(path '/etc/passwd' format 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
        "CREATE FUNCTION f AS x -> file(x)",
        "CREATE NAMED COLLECTION c AS a = 1",
        "ATTACH TABLE otel.x FROM '/etc' (n String) ENGINE = File(CSV)",
        "ALTER TABLE otel.numbers ADD COLUMN y String DEFAULT file('canary.csv')",
        "ALTER TABLE otel.numbers FETCH PARTITION 'x' FROM '/x'",
        "RENAME TABLE otel.numbers TO default.numbers",
        "DROP DATABASE default",
        "DROP DATABASE system",
        "SYSTEM SHUTDOWN",
        "CREATE USER u",
    ):
        assert server.refusal("migrator", statement) == DENIED, statement


def test_get_only_reads(server):
    """A link or an image on a web page changes nothing."""
    auth = ("migrator", server.password("migrator"))
    answer = httpx.get(server.url, params={"query": "CREATE TABLE otel.got (n UInt8) ENGINE = Memory"}, auth=auth)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert httpx.get(server.url, params={"query": "SELECT 1"}, auth=auth).text == "1\n"


def test_the_engines_functions_were_reviewed(server):
    """A new engine brings new functions: look at them, then write their number here (and their names in permitted.py)."""
    assert server.ask("reader", "SELECT version(), count() FROM system.functions").split() == ["26.9.2.1", "1885"]
