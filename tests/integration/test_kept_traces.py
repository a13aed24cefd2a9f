"""Traces and days of raw rows over the real driver: as the maintainer takes them, and as the API shows them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.test_monitoring_api import Processes, _until
from tests.monitoring_api.store import label, prediction, span

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
OLD = datetime.now(UTC) - timedelta(days=29)
MAINTENANCE = "services.monitoring_api.maintenance"


@pytest.fixture
def running(tmp_path):
    """ClickHouse with the schema, and the API."""
    processes = Processes(tmp_path)
    processes.env["SIGHTGLASS_MAINTENANCE_TRACES_INTERVAL_SECONDS"] = "0.5"
    processes.env["SIGHTGLASS_MAINTENANCE_DISK_INTERVAL_SECONDS"] = "0.5"
    try:
        processes.start_clickhouse()
        processes.migrate()
        processes.start("services.monitoring_api")
        processes.wait_for("/readyz")
        yield processes
    finally:
        processes.stop()


def ask(running, path):
    """An answer, or nothing where there is none."""
    answer = running.get(f"/api/v1{path}")[0]
    assert answer.status_code in {200, 404}, answer.text
    return answer.json() if answer.status_code == 200 else None


def statement(running, sql, user="maintainer"):
    """What ClickHouse answers to one of its users."""
    password = (running.folder / "secrets" / f"clickhouse-{user}.password").read_text().strip()
    url = f"{running.clickhouse_url}/?database=otel"
    answer = httpx.post(url, content=sql, auth=(user, password), trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.text.strip()


def test_the_trace_of_a_prediction_that_turns_out_wrong_opens_after_its_spans_are_gone(running):
    """Unlabelled when raw spans go, labelled wrong within the horizon: it opens; labelled right it goes."""
    for number in (1, 2, 3, 4):
        trace = {"TraceId": f"{number:032x}"}
        root = span(OLD, **trace, status=500 if number == 3 else 200)
        running.insert("otel_traces", [root, span(OLD, **trace, SpanKind="Internal", ParentSpanId=root["SpanId"])])
        if number < 3:
            running.insert("otel_logs", [prediction(OLD, prediction_id=f"p{number}", score=0.9, **trace)])
    running.start(MAINTENANCE)
    _until(
        lambda: statement(running, "SELECT uniqExact(TraceId) FROM kept_traces") == "3", seconds=60, what="the copies"
    )
    day = f"{OLD:%Y%m%d}"
    for table in ("otel_traces", "otel_traces_trace_id_ts", "otel_logs"):
        statement(running, f"ALTER TABLE {table} DROP PARTITION ID '{day}'")
    assert statement(running, "SELECT count() FROM otel_traces") == "0"
    now = datetime.now(UTC)
    running.insert("otel_logs", [label(now, "p1", "on_time"), label(now, "p2", "late")])

    wrong = _until(
        lambda: (found := ask(running, f"/traces/{1:032x}")) and found["kept_for"] == "wrong" and found, seconds=60
    )
    assert (len(wrong["spans"]), wrong["predictions"]) == (2, ["p1"])
    shown = ask(running, "/predictions/p1")
    assert (shown["label_value"], len(shown["trace"]["spans"])) == ("on_time", 2)
    _until(lambda: ask(running, f"/traces/{2:032x}") is None, seconds=60, what="letting go of a right one")
    right = ask(running, "/predictions/p2")
    assert (right["label_value"], right["trace"]) == ("late", None)
    assert ask(running, f"/traces/{3:032x}")["kept_for"] == "failed"
    assert ask(running, f"/traces/{4:032x}") is None


def test_the_guard_drops_as_the_maintainer_and_health_says_so(running):
    """On a disk with too little free space old days of spans and logs go, predictions stay, and health is red."""
    old = datetime.now(UTC) - timedelta(days=3)
    running.insert("otel_traces", [span(old, TraceId=f"{7:032x}", status=500)])
    running.insert("otel_traces", [span(datetime.now(UTC))])
    running.insert("otel_logs", [prediction(old, prediction_id="p")])
    running.env["SIGHTGLASS_MAINTENANCE_LEAST_FREE_DISK_BYTES"] = str(1 << 60)
    running.start(MAINTENANCE)
    _until(lambda: statement(running, "SELECT count() FROM raw_drops") == "2", seconds=60, what="the drops")
    assert statement(running, "SELECT count() FROM otel_traces") == "1"
    assert statement(running, "SELECT count() FROM predictions") == "1"
    health = ask(running, "/pipeline/health")
    assert health["status"] == "down"
    assert {(each["table"], each["day"]) for each in health["disk"]["dropped"]} == {
        ("otel_traces", str(old.date())),
        ("otel_logs", str(old.date())),
    }
    assert "no day of raw rows is left to drop" in health["reasons"][0]
    assert ask(running, f"/traces/{7:032x}")["kept_for"] == "failed"
    lines = (running.folder / f"{MAINTENANCE}.log").read_text().splitlines()
    assert len([line for line in lines if '"ERROR"' in line]) == 1


def test_as_many_marks_as_one_statement_takes_are_worked_off(running):
    """A backlog of thousands of labels and of dirty minutes goes, though each statement names thousands of ids."""
    many = "FROM numbers(6000)"
    statement(running, f"INSERT INTO label_marks (Id, PredictionId) SELECT generateUUIDv4(), number {many}")
    minute = "toStartOfMinute(now() - INTERVAL 1 DAY) - number * 60"
    dirty = "INSERT INTO rollup_dirty (Id, Kind, Minute)"
    statement(running, f"{dirty} SELECT generateUUIDv4(), 'requests', {minute} {many}")
    running.start(MAINTENANCE)
    for table in ("label_marks", "rollup_dirty"):
        _until(lambda name=table: statement(running, f"SELECT count() FROM {name}") == "0", seconds=90, what=table)
