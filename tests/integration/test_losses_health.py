"""What a service lost to a Collector that refuses, takes a part or hangs shows in the pipeline's health, by process."""

import os
import subprocess
import sys
import time

import httpx
import pytest

from tests.integration.stack import Stack
from tests.sightglass.kept import Reply
from tests.sightglass.receiver import running_receiver

pytestmark = pytest.mark.integration

RECORDED = 5
SCRIPT = f"""
import sightglass
with sightglass.start("SERVICE", model=sightglass.Model("m", "1")):
    for number in range({RECORDED}):
        sightglass.record_prediction({{"number": number}})
    sightglass.flush()
"""
FAULTS = {
    "too-many": (Reply(429, retry_after=60), {("export_failed", "429"): RECORDED}),
    "unavailable": (Reply(503, retry_after=60), {("export_failed", "503"): RECORDED}),
    "in-part": (Reply(rejected=3), {("export_failed", "partial_success"): 3}),
    "hangs": (Reply(instead="hang"), {("export_failed", "ReadTimeout"): RECORDED}),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Collector, ClickHouse and monitoring API."""
    with Stack(tmp_path_factory.mktemp("stack"), processes=("collector", "monitoring-api")) as stack:
        yield stack


@pytest.mark.parametrize("service", FAULTS)
def test_each_way_to_lose_is_counted_with_its_reason_and_its_process(running, service):
    """Logs go to a receiver with the fault, metrics to the real Collector: health tells exactly what was not taken."""
    reply, expected = FAULTS[service]
    with running_receiver() as receiver:
        receiver.script["/v1/logs"].extend([reply] * 20)
        finished = subprocess.run(
            [sys.executable, "-c", SCRIPT.replace("SERVICE", service)],
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": running.url("collector"),
                "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.url}/v1/logs",
                "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
    deadline = time.monotonic() + 60
    while (drops := _drops(running, service)) != expected:
        assert time.monotonic() < deadline, drops
        time.sleep(0.2)


def _drops(running, service):
    health = httpx.get(f"{running.url('monitoring-api')}/api/v1/pipeline/health", timeout=10).raise_for_status().json()
    rows = [row for row in health["drops"] if row["service"] == service]
    assert all(row["instance"] and row["signal"] == "logs" and row["stage"] == "sdk" for row in rows)
    return {(row["reason"], row["detail"]): row["count"] for row in rows}
