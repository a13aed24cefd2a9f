"""What the Collector, the maintainer and the migrator may change."""

import httpx

DENIED = 497


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
        "CREATE TABLE spare.a (n UInt64, x String) ENGINE = MergeTree ORDER BY n SETTINGS index_granularity = 1024",
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
        "ALTER TABLE otel.numbers MODIFY SETTING disk = disk(type = local, path = '/tmp/x/')",
        "ALTER TABLE otel.numbers MODIFY SETTING storage_policy = 'x'",
        "CREATE TABLE otel.x (n String) ENGINE = File(CSV, '/etc/passwd')",
        "CREATE TABLE otel.x (n String) ENGINE = URL('http://127.0.0.1:1', CSV)",
        "CREATE TABLE otel.x (n String) ENGINE = Executable('x', CSV)",
        "CREATE TABLE otel.x (n String) ENGINE = Merge('system', '.*')",
        "CREATE TABLE otel.x (n String) ENGINE = Dictionary('d')",
        "CREATE TABLE otel.x (n UInt8) ENGINE = MergeTree ORDER BY n SETTINGS disk = disk(type = local, path = '/x/')",
        "CREATE TABLE otel.x (n String) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = 'x'",
        "CREATE TABLE otel.x AS file('/etc/passwd', CSV, 'line String')",
        "CREATE TABLE otel.x ENGINE = Memory AS SELECT * FROM file('/etc/passwd', CSV, 'line String')",
        "CREATE TABLE otel.x (n String DEFAULT file('canary.csv')) ENGINE = Memory",
        "CREATE TABLE otel.x AS system.users",
        "CREATE VIEW otel.x AS SELECT * FROM url('http://127.0.0.1:1', CSV, 'x String')",
        "CREATE MATERIALIZED VIEW otel.x TO system.one AS SELECT * FROM otel.numbers",
        "CREATE MATERIALIZED VIEW otel.x ENGINE = File(CSV) AS SELECT * FROM otel.numbers",
        "CREATE DICTIONARY otel.d (n UInt64) PRIMARY KEY n SOURCE(FILE(path '/x' format 'CSV')) LAYOUT(FLAT())",
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
    assert server.refusal("migrator", "CREATE TABLE x (n UInt8) ENGINE = Memory", database="system") == DENIED


def test_get_only_reads(server):
    """A link or an image on a web page changes nothing."""
    auth = ("migrator", server.password("migrator"))
    answer = httpx.get(server.url, params={"query": "CREATE TABLE otel.got (n UInt8) ENGINE = Memory"}, auth=auth)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert httpx.get(server.url, params={"query": "SELECT 1"}, auth=auth).text == "1\n"


def test_the_engines_functions_were_reviewed(server):
    """A new engine brings new functions: look at them, then write their number here, the bad ones in permitted.py."""
    assert server.ask("reader", "SELECT version(), count() FROM system.functions").split() == ["26.9.2.1", "1885"]
