"""What the reader may ask, and that it cannot raise its limits."""

import pytest

DENIED = 497
SETTING_REFUSED = 452


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
        ("dialect", "kusto"),
        ("additional_table_filters", "{}"),
        ("nosuch_setting", "1"),
        ("output_format_schema", "x"),
    ],
)
def test_a_setting_off_the_list_is_refused(server, name, value):
    """Not ignored: the reader is told."""
    assert server.refusal("reader", "SELECT 1", **{name: value}) in {SETTING_REFUSED, 115}
    assert server.refusal("reader", f"SELECT 1 SETTINGS {name} = '{value}'") in {SETTING_REFUSED, 115}


@pytest.mark.parametrize("form", ["TabSeparated", "JSON", "JSONCompact", "Native", "CSVWithNames"])
def test_a_failure_in_mid_answer_is_the_engines_in_every_format(server, form):
    """Also where the format had begun to write: the client gets the engine's code, not a failure of ours."""
    sql = "SELECT arrayMap((a, b) -> a - b, [1, 2], [number]) FROM numbers(2)"
    assert server.refusal("reader", sql, default_format=form) == 190


def test_a_readers_own_mark_is_taken_and_not_used(server):
    """HyperDX writes a comment on each question; the adapter's mark, by which it stops statements, stays what it is."""
    assert server.ask("reader", "SELECT getSetting('log_comment')", log_comment="theirs").strip() not in {"", "theirs"}
    assert server.refusal("reader", "SELECT 1 SETTINGS log_comment = 'theirs'") in {SETTING_REFUSED, 115}


def test_default_and_parameter_clauses_are_refused(server):
    """SETTINGS x = DEFAULT would lift a pin, and SETTINGS param_x would change a judged name."""
    assert server.refusal("reader", "SELECT 1 SETTINGS max_execution_time = DEFAULT") == DENIED
    statement = "SELECT * FROM otel.{t:Identifier} SETTINGS param_t = 'numbers'"
    assert server.refusal("reader", statement, param_t="numbers") == 36
    assert server.refusal("reader", "SET max_execution_time = 0") in {48, 497}


def test_a_bound_name_is_judged_each_time(server):
    """What was permitted for one table is not, in the same words, for another."""
    statement = "SELECT count() FROM {d:Identifier}.{t:Identifier}"
    for _ in range(2):
        assert server.ask("reader", statement, param_d="system", param_t="one").strip() == "1"
        assert server.refusal("reader", statement, param_d="system", param_t="users") == DENIED


def test_no_setting_and_no_database_leaks_between_requests(server):
    """What one request chooses is not there in the next, whoever asks."""
    for _ in range(3):
        assert server.ask("maintainer", "SELECT currentDatabase()", database="otel").strip() == "otel"
        assert server.ask("maintainer", "SELECT currentDatabase()", database="system").strip() == "system"
        changed = "SELECT name, value FROM system.settings WHERE changed ORDER BY name"
        before = server.ask("reader", changed, query_id="leak")
        server.ask("reader", "SELECT 1", join_use_nulls="1", max_block_size="100")
        server.ask("maintainer", "SELECT 1 SETTINGS max_block_size = 50", join_use_nulls="1")
        assert server.ask("reader", changed, query_id="leak") == before
