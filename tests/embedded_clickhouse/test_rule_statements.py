"""Statements of alert rules, asked through the real adapter as the reader."""

import asyncio
from dataclasses import replace

import pytest

from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.alerting.sql_questions import ask_statement
from services.monitoring_api.database import ClickHouseDatabase, Connection
from services.monitoring_api.queries.timerange import TimeRange

# Nanoseconds that a double can't hold.
SPAN = TimeRange(1_772_445_600_000_000_001, 1_772_445_900_000_000_003)
WINDOW = "FROM numbers WHERE toDateTime64(n, 9, 'UTC') < {from:DateTime64(9)} AND now() > {to:DateTime64(9)}"

SIMPLE = f"SELECT n AS value {WINDOW}"


@pytest.fixture
def answer(server):
    """Asks a rule's statement."""
    password = server.folder / "secrets" / "clickhouse-reader.password"

    def ask(sql: str, *, complete: bool = True, seconds: float = 10.0, checked: bool = True):
        rule = Rule.model_validate({"alert": "A", "sql": sql if checked else SIMPLE, "condition": "> 1"})
        (question,) = rule.questions(0.0)
        question = question if checked else replace(question, sql=sql)

        async def asked():
            database = ClickHouseDatabase(Connection(server.url, "otel", "reader", password))
            try:
                return await ask_statement(database, question, SPAN, complete=complete, deadline_seconds=seconds)
            finally:
                await database.close()

        return asyncio.run(asked())

    return ask


def test_rows_are_groups(answer):
    """`value` and `count` are figures, every other column is a label, whatever its type."""
    found = answer(
        "SELECT name, n AS number, n % 2 = 0 AS even, NULL AS nothing, n / 2 AS value, count() AS count\n"
        f"{WINDOW} AND n IN (3, 4) GROUP BY name, n ORDER BY n; -- the end",
        complete=False,
    )
    assert found == [
        Reading({"name": "name 3", "number": "3", "even": "0", "nothing": ""}, 1.5, 1.0, complete=False),
        Reading({"name": "name 4", "number": "4", "even": "1", "nothing": ""}, 2.0, 1.0, complete=False),
    ]


def test_the_window_is_bound_to_the_nanosecond(answer):
    """Both ends arrive as they are, in whatever time zone the server is; what looks like one in a text stays."""
    (reading,) = answer(
        "SELECT toUnixTimestamp64Nano({from:DateTime64(9)}) % 1000 AS value, '{to:Int64}' AS text, "
        "toString(toUnixTimestamp64Nano({ to : DateTime64( 9 ) })) AS end"
    )
    assert reading == Reading({"text": "{to:Int64}", "end": str(SPAN.end_ns)}, 1.0)


@pytest.mark.parametrize("value", ["NULL", "nan", "inf", "0 / 0"])
def test_what_is_no_number_is_no_data(answer, value):
    """NULL, NaN and infinity say nothing."""
    assert answer(f"SELECT {value} AS value {WINDOW} LIMIT 1") == [Reading({}, None)]


def test_no_rows_are_no_groups(answer):
    """Nothing found is an answer."""
    assert answer(f"SELECT n AS value {WINDOW} AND n < 0") == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (f"SELECT n AS values_ {WINDOW} LIMIT 1", "no column `value`; it has `values_`"),
        (f"SELECT name AS value {WINDOW} LIMIT 1", '`value` is "name 0", and must be a number'),
        (f"SELECT 1 AS value, [n] AS list {WINDOW} LIMIT 1", "`list` holds more than one value"),
        (f"SELECT 1 AS value, n AS `a b` {WINDOW} LIMIT 1", "`a b` can't be a label"),
        (f"SELECT 1 AS value, n AS alertname {WINDOW} LIMIT 1", "`alertname` can't be a label"),
        (f"SELECT 1 AS value {WINDOW} LIMIT 2", "two rows have the labels {}"),
        (f"SELECT n AS value, n {WINDOW}", "more than 1,000 rows"),
        (f"SELECT n AS value extra {WINDOW}", "SYNTAX_ERROR"),
        (f"SELECT missing AS value {WINDOW}", "statement: Unknown expression identifier `missing`"),
        (f"SELECT n AS value {WINDOW} AND n IN (SELECT n FROM otel.nowhere)", "otel.nowhere"),
        (
            f"SELECT n AS value {WINDOW} AND n IN (SELECT n FROM file('/etc/passwd', 'LineAsString', 'n String'))",
            "file",
        ),
        (f"SELECT n AS value {WINDOW} AND n IN (SELECT n FROM url('http://127.0.0.1', 'CSV', 'n Int8'))", "url"),
        (f"SELECT sleep(2) AS value {WINDOW} LIMIT 1", "did not answer within 1 s"),
    ],
)
def test_what_is_wrong_with_a_statement_is_said(answer, sql, said):
    """Whoever wrote it is told what ClickHouse says of it, or what a rule needs; nothing is raised."""
    found = answer(sql, seconds=1.0 if "sleep" in sql else 10.0)
    assert isinstance(found, str)
    assert said in found


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO otel.numbers VALUES (1, 'x')",
        "SELECT 1 AS value); DROP TABLE otel.numbers; SELECT (1",
        "SELECT 1 AS value) INTO OUTFILE '/tmp/x' FORMAT CSV -- (",
        "SELECT 1 AS value SETTINGS readonly = 0, max_execution_time = 0",
    ],
)
def test_a_statement_only_reads(answer, server, sql):
    """What would get past the check of the file is refused to the reader, and changes nothing."""
    assert "refused" in answer(sql, checked=False)
    assert server.ask("reader", "SELECT count() FROM otel.numbers").strip() == "200000"
