"""The log of slow statements: all of them whatever became of them, and nothing of what anybody asked about."""

import json
import logging

import pytest

from services.monitoring_api.database.asker import ASKING_ROUTE
from services.monitoring_api.database.slow_statements import SlowStatements
from services.monitoring_api.database.statement import Statement
from services.sql.fingerprint import fingerprint, normalized
from sightglass.logs import JsonFormatter

SQL = "SELECT count()\nFROM otel_traces -- hunter2\nWHERE ServiceName = {service:String} AND A = 'hunter2' LIMIT 77"


def line_of(caplog):
    """The one line, as the process writes it."""
    (record,) = caplog.records
    return json.loads(JsonFormatter("monitoring-api").format(record))


def test_a_line_says_what_took_how_long_and_for_whom(caplog):
    """Its run's id, the route, what was read; literals and comments of the text are left out."""
    token = ASKING_ROUTE.set(lambda: "/api/v1/traces")
    try:
        summary = {"read_rows": "4000000", "read_bytes": "123", "elapsed_ns": "x"}
        statement = Statement(SQL, "id-1", asked_at=10.0, sent_at=10.25, rows=3, summary=summary)
        SlowStatements(1.0).ended(statement, "ok", 11.5)
    finally:
        ASKING_ROUTE.reset(token)
    line = line_of(caplog)
    text = "SELECT count() FROM otel_traces WHERE ServiceName = {service:String} AND A = ? LIMIT ?"
    wanted = {
        "level": "WARNING",
        "message": f"A statement took 1.50 s (ok): {fingerprint(normalized(SQL))}",
        "fingerprint": fingerprint(normalized(SQL)),
        "query": text,
        "query_id": "id-1",
        "outcome": "ok",
        "duration_seconds": 1.5,
        "waited_seconds": 0.25,
        "rows": 3,
        "read_rows": 4_000_000,
        "read_bytes": 123,
        "route": "/api/v1/traces",
    }
    assert wanted.items() <= line.items()
    assert "hunter2" not in json.dumps(line)


def test_what_is_not_known_is_left_out(caplog):
    """A statement that never got a connection has neither rows nor what was read, and only waited."""
    SlowStatements(1.0).ended(Statement("SELECT 1", "id", asked_at=0.0), "unavailable", 2.0)
    line = line_of(caplog)
    assert line["waited_seconds"] == line["duration_seconds"] == 2.0
    assert not {"rows", "read_rows", "read_bytes", "route"} & line.keys()


@pytest.mark.parametrize("summary", [{"read_rows": "-1"}, {"read_rows": ""}, {"read_rows": "²"}, {"read_rows": None}])
def test_an_odd_summary_is_no_reason_to_fail(caplog, summary):
    """What ClickHouse, or something in between, says of itself is not believed blindly."""
    SlowStatements(0.0).ended(Statement("SELECT 1", "id", asked_at=0.0, sent_at=0.0, summary=summary), "ok", 2.0)
    assert "read_rows" not in line_of(caplog)


def test_quick_ones_are_not_logged(caplog):
    """Below the threshold there is no line."""
    caplog.set_level(logging.DEBUG)
    SlowStatements(1.0).ended(Statement("SELECT 1", "id", asked_at=0.0, sent_at=0.0), "ok", 0.999)
    assert caplog.records == []


def test_one_query_has_one_fingerprint():
    """Values, comments, white space and the answer's form do not change it; the text does."""
    mark = fingerprint(normalized("SELECT 1 FROM t WHERE a = 'x'"))
    for same in ("SELECT  2\nFROM t -- c\nWHERE a = 'it''s' ", "SELECT 1 FROM t WHERE a = 'y'\n FORMAT Native"):
        assert fingerprint(normalized(same)) == mark
    assert fingerprint(normalized("SELECT 1 FROM t WHERE b = 'x'")) != mark
    assert len(mark) == 16
