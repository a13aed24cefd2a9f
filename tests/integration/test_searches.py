"""Searches for traces and logs over the real driver, as the user that may only read."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.test_monitoring_api import Processes
from tests.monitoring_api.store import prediction, span

pytestmark = pytest.mark.integration
API = "/api/v1"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """ClickHouse with 450 traces of two spans and as many records, all within the last half hour; and the API."""
    processes = Processes(tmp_path_factory.mktemp("data"))
    try:
        processes.start_clickhouse()
        processes.migrate()
        now = datetime.now(UTC)
        spans, records = [], []
        for number in range(450):
            at = now - timedelta(seconds=10 + 4 * number)
            trace = {"TraceId": f"{number + 1:032x}"}
            root = span(at, seconds=0.1 + number / 1000, status=500 if number % 9 == 0 else 200, **trace)
            inner = {"SpanKind": "Internal", "ParentSpanId": root["SpanId"], "attributes": {'it\'s = a "key"': "\\%_'"}}
            spans += [root, span(at, seconds=0.05, **inner, **trace)]
            records.append({**prediction(at, **trace), "Body": f"'{number}' " + "ü" * 20_000})
        processes.insert("otel_traces", spans)
        processes.insert("otel_traces", spans[:300])
        processes.insert("otel_logs", records)
        processes.insert("otel_logs", records[:100])
        processes.start("services.monitoring_api")
        processes.wait_for("/readyz")
        yield processes
    finally:
        processes.stop()


def ask(running, path, **parameters):
    """An answer that must be one."""
    answer = httpx.get(running.api_url + API + path, params=parameters, timeout=20, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages(running, path, rows, **parameters):
    """The rows of all pages."""
    found, more = [], {}
    while True:
        answer = ask(running, path, **parameters, **more)
        found += answer[rows]
        if answer["next_cursor"] is None:
            return found
        more = {"cursor": answer["next_cursor"]}


@pytest.mark.parametrize("sort", ["time", "duration"])
def test_the_longest_pages_hold_every_trace_once(running, sort):
    """Two hundred ids in one statement, duplicates or not."""
    found = pages(running, "/traces", "traces", limit=200, sort=sort)
    expected = [f"{number + 1:032x}" for number in range(450)]
    assert [row["trace_id"] for row in found] == (expected if sort == "time" else expected[::-1])
    assert {row["span_count"] for row in found} == {2}
    assert sum(row["error_count"] for row in found) == 50


def test_hostile_keys_and_values_are_found_as_they_are(running):
    """Through the driver's own binding."""
    found = ask(running, "/traces", attr='"it\'s = a \\"key\\""=\\%_\'', limit=1)
    assert found["traces"][0]["matched"]["kind"] == "Internal"
    assert ask(running, "/traces", attr='"it\'s = a \\"key\\""=%')["traces"] == []


def test_the_heat_map_counts_what_is_stored(running):
    """Each span once."""
    assert ask(running, "/traces/heatmap")["count"] == 900
    assert ask(running, "/traces/heatmap", kind="server", status="error")["count"] == 50


def test_the_longest_pages_hold_every_record_once(running):
    """Long bodies cut."""
    found = pages(running, "/logs", "logs", limit=200)
    assert [row["trace_id"] for row in found] == [f"{number + 1:032x}" for number in range(450)]
    assert {len(row["body"]) for row in found} == {16_384}
    assert len(ask(running, "/logs", limit=1000)["logs"]) == 450
    assert [row["trace_id"] for row in ask(running, "/logs", q="'17' Ü")["logs"]] == [f"{18:032x}"]
