"""Which statements were slow, out of the log of them."""

from datetime import timedelta

import pytest

from services.monitoring_api.database.slow_statements import SlowStatements
from services.monitoring_api.database.statement import Statement
from tests.monitoring_api.store import T0, text

pytestmark = pytest.mark.anyio
SLOW = "/api/v1/pipeline/slow-queries"
AT = T0 - timedelta(minutes=10)


def record(logged, number, **more):
    """What was logged, as a stored log record."""
    names = ("fingerprint", "query", "outcome", "duration_seconds", "waited_seconds", "route")
    attributes = {name: str(getattr(logged, name)) for name in names if getattr(logged, name) is not None}
    return {
        "Timestamp": text(AT + timedelta(seconds=number)),
        "TraceId": f"{number:032x}",
        "SeverityText": "WARN",
        "SeverityNumber": 13,
        "ServiceName": "monitoring-api",
        "Body": logged.getMessage(),
        "LogAttributes": attributes,
        **more,
    }


def logged(caplog, sql, seconds, outcome="ok"):
    """What the watcher logs of a statement."""
    caplog.clear()
    statement = Statement(sql, "q1", asked_at=0.0)
    SlowStatements(1.0).ended(statement, outcome, seconds)
    return caplog.records[0]


async def test_runs_are_grouped_by_the_statements_form(api, store, caplog):
    """What the watcher writes is what the route reads: values do not matter, each record counts once."""
    first = logged(caplog, "SELECT a FROM t WHERE x = 'ann'", 2.0)
    second = logged(caplog, "SELECT a FROM t WHERE x = 'bob'", 3.0, "timeout")
    other = logged(caplog, "SELECT b FROM t", 1.5)
    rows = [record(first, 1), record(second, 2), record(other, 3)]
    odd = {**record(other, 4), "Body": "A statement took place", "LogAttributes": {}}
    store.insert("otel_logs", [*rows, odd])
    store.insert("otel_logs", rows)
    answer = (await api.get(SLOW)).json()["queries"]
    assert [(one["count"], one["failed"], one["total_seconds"], one["max_seconds"]) for one in answer] == [
        (2, 1, 5.0, 3.0),
        (1, 0, 1.5, 1.5),
    ]
    assert answer[0]["fingerprint"] == first.fingerprint == second.fingerprint
    assert "ann" not in answer[0]["query"]
    assert answer[0]["trace_id"] == f"{2:032x}"
    assert answer[0]["services"] == ["monitoring-api"]
    assert (await api.get(SLOW, params={"limit": 1})).json()["queries"] == answer[:1]
    assert (await api.get(SLOW, params={"from": "now-5m"})).json()["queries"] == []


async def test_a_limit_out_of_bounds_is_refused(api):
    """It names the field."""
    assert (await api.get(SLOW, params={"limit": 0})).status_code == 422
