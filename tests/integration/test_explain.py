"""Explanations over the real driver, as the user that may only read."""

import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.test_monitoring_api import Processes
from tests.monitoring_api.store import label, prediction, span

pytestmark = pytest.mark.integration
# More fields of numbers, and more values, than one statement is ever given.
NUMBERS, WORDS = 60, 40


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """ClickHouse with 600 requests of a hundred attributes, their predictions and labels; and the API."""
    processes = Processes(tmp_path_factory.mktemp("data"))
    try:
        processes.start_clickhouse()
        processes.migrate()
        now, draw = datetime.now(UTC), random.Random(1)
        spans, events = [], []
        for number in range(600):
            at = now - timedelta(seconds=10 + number)
            carrier = draw.choice(["UA", "DL", "AA"])
            failed = draw.random() < (0.6 if carrier == "UA" else 0.1)
            numbers = {f"number.{n}": repr(draw.gauss(1e9, 1e3)) for n in range(NUMBERS)}
            words = {f"resource.word.{n}": draw.choice("abcdefgh") for n in range(WORDS)}
            made = prediction(at, prediction_id=f"p{number}", score=0.8, features={"carrier": carrier})
            trace = made["TraceId"]
            seconds = 0.4 if failed else 0.1
            spans.append(span(at, seconds=seconds, TraceId=trace, attributes=numbers, resource=words))
            events += [made, label(at, f"p{number}", "on_time" if failed else "late")]
        for _ in range(2):
            processes.insert("otel_traces", spans)
            processes.insert("otel_logs", events)
        processes.start("services.monitoring_api")
        processes.wait_for("/readyz")
        yield processes
    finally:
        processes.stop()


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/v1/predictions/wrong/explain", {"model": "flight-delay"}),
        ("/api/v1/traces/slow/explain", {"min_duration_ms": "250"}),
    ],
)
def test_the_widest_statements_are_answered(running, path, parameters):
    """With all that one statement may be given the cause is found, each request once, by a user that may only read."""
    answer = httpx.get(running.api_url + path, params=parameters, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["selected"] + found["rest"] == 600
    assert found["searched"] > 40_000
    first = found["findings"][0]
    assert (first["field"], first["value"]) == ("carrier", "UA")
    assert first["examples"]
