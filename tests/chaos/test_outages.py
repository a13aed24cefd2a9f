"""What users see while a part is away, and that it heals by itself."""

import asyncio
import statistics
import time

import httpx
import pytest

from tests.integration import load, stored

# A killed process stays away this long before the supervisor starts it again.
AWAY_SECONDS = 20
REQUESTS = 300

pytestmark = [pytest.mark.integration, pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.fixture
def patient_stack(fresh_stack):
    """A stack whose supervisor takes its time, without dashboard and worker."""
    return fresh_stack(
        processes=("ml-api", "monitoring-api"), env={"SIGHTGLASS_SUPERVISOR_RESTART_FIRST_SECONDS": str(AWAY_SECONDS)}
    )


def _median_seconds(stack):
    """Median answer time of the ML API over some sequential requests; every one must succeed."""
    seconds = []
    with httpx.Client(base_url=stack.url("ml-api"), timeout=10) as client:
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            client.post("/v1/predict", json={"features": load.FLIGHT}).raise_for_status()
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def test_the_ml_api_does_not_notice_that_clickhouse_is_away(patient_stack):
    """ClickHouse killed: predictions are answered as before, the monitoring API says 503 and heals, nothing is lost."""
    since_ms = int(time.time() * 1000)
    before = _median_seconds(patient_stack)
    patient_stack.kill("clickhouse")

    begun = time.monotonic()
    answer = httpx.get(
        patient_stack.url("monitoring-api") + "/api/v1/metrics/current?metric=request_rate&window=5m", timeout=10
    )
    assert answer.status_code == 503, answer.text
    assert time.monotonic() - begun < 5
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert _median_seconds(patient_stack) < 2 * before

    patient_stack.wait_up("clickhouse")
    _wait_for(
        lambda: (
            httpx.get(
                patient_stack.url("monitoring-api") + "/api/v1/metrics/current?metric=request_rate&window=5m",
                timeout=10,
            ).status_code
            == 200
        )
    )
    wanted = stored.Counts({"/v1/predict": 2 * REQUESTS}, (2 * REQUESTS, 2 * REQUESTS), (0, 0))
    assert stored.settled(patient_stack, since_ms, wanted) == wanted


def test_what_the_sdk_drops_while_the_collector_is_away_is_shown(patient_stack):
    """Collector away: answers are unchanged; afterwards telemetry flows, and stored plus shown as dropped is all."""
    since_ms = int(time.time() * 1000)
    before = _median_seconds(patient_stack)
    wanted = stored.Counts({"/v1/predict": REQUESTS}, (REQUESTS, REQUESTS), (0, 0))
    assert stored.settled(patient_stack, since_ms, wanted) == wanted
    patient_stack.kill("collector")
    assert _median_seconds(patient_stack) < 2 * before

    patient_stack.wait_up("collector")
    afterwards = asyncio.run(load.send(patient_stack.url("ml-api"), requests=100, label_every=1000))
    assert afterwards.failed == []
    in_all = 2 * REQUESTS + 100

    def accounted():
        health = httpx.get(patient_stack.url("monitoring-api") + "/api/v1/pipeline/health", timeout=10)
        if health.status_code != 200:
            return False
        dropped = sum(
            each["count"]
            for each in health.json()["drops"]
            if each["service"] == "ml-api" and each["signal"] in {"spans", "logs"} and each["stage"] == "sdk"
        )
        spans = patient_stack.clickhouse(
            "SELECT uniqExact(TraceId, SpanId) FROM otel_traces "
            "WHERE ServiceName = 'ml-api' AND TraceId IN "
            "(SELECT TraceId FROM otel_traces WHERE SpanName = 'POST /v1/predict') "
            f"AND Timestamp >= fromUnixTimestamp64Milli({since_ms})"
        )[0][0]
        predictions = stored.stored(patient_stack, since_ms).predictions[0]
        # Three spans and one event belong to each prediction.
        accounted.last = (spans, predictions, dropped)
        return dropped > 0 and spans + predictions + dropped == 4 * in_all

    _wait_for(accounted, seconds=60, explain=lambda: f"spans, predictions, dropped: {accounted.last} of {4 * in_all}")
    predictions = stored.stored(patient_stack, since_ms).predictions[0]
    assert predictions >= REQUESTS + 100, "what was sent before and after the outage is there"


def _wait_for(condition, seconds=30, explain=lambda: ""):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.3)
