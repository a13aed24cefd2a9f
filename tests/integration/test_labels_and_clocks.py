"""Labels in any order, and clocks hours away: kept, joined and found, through the real pipeline and its API."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.guide import ask
from tests.integration.stack import ROOT, Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

START = """
import sys, time
offset_ns = int(sys.argv[1]) * 3_600 * 10**9
now_ns, now = time.time_ns, time.time
time.time_ns, time.time = lambda: now_ns() + offset_ns, lambda: now() + offset_ns / 1e9
import sightglass
telemetry = sightglass.start(sys.argv[2], model=sightglass.Model("m", "1"))
def predict(name, **more):
    with telemetry.tracer.start_as_current_span("predict"):
        sightglass.record_prediction({"a": 1}, label="late", score=0.5, prediction_id=name, **more)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The pipeline as `sightglass up` starts it, without the demo's service and the dashboard."""
    with Stack(tmp_path_factory.mktemp("stack"), processes=("collector", "monitoring-api")) as stack:
        yield stack


def run(running, script, service, *, hours=0):
    """Run a process that uses the library to its end, its clock so many hours away; it has delivered everything."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SIGHTGLASS_"))}
    finished = subprocess.run(
        [sys.executable, "-c", f"{START}\n{script}\nassert sightglass.flush()", str(hours), service],
        env={**kept, "OTEL_EXPORTER_OTLP_ENDPOINT": running.url("collector")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, "")


def labels(running, name, count):
    """Every version of a prediction's label that is stored, once there are so many."""
    deadline = time.monotonic() + 60
    sql = "SELECT Value FROM labels WHERE PredictionId = {id:String} ORDER BY ObservedAt, Value"
    while len(rows := running.clickhouse(sql, parameters={"id": name})) < count:
        assert time.monotonic() < deadline, rows
        time.sleep(0.2)
    return [value for (value,) in rows]


def test_a_label_for_an_unknown_id_is_kept_and_joined_when_the_prediction_comes(running):
    """The label first, from a process of its own; nobody knows the prediction, until it is recorded."""
    run(running, 'sightglass.record_label("early", "on_time", observed_at=1_790_000_000 * 10**9)', "labeller")
    assert labels(running, "early", 1) == ["on_time"]
    url = running.url("monitoring-api") + "/api/v1/predictions/early"
    assert httpx.get(url, trust_env=False).status_code == 404
    run(running, 'predict("early")', "late-predictor")
    joined = ask(
        running, "/predictions/early", {"label": "late", "label_value": "on_time", "service": "late-predictor"}
    )
    assert joined["label_observed_at"].startswith("2026-09-21T14:13:20")
    coverage = "/metrics/current?metric=label_coverage&filter=service=late-predictor"
    ask(running, coverage, {"value": 1.0, "count": 1})


def test_of_two_labels_the_one_observed_last_holds_and_both_are_kept(running):
    """Whatever order they arrive in, and however often; the prediction has one label, the history has both."""
    first, last = "observed_at=1_790_000_000 * 10**9", "observed_at=1_790_000_060 * 10**9"
    script = """
predict("two-forth"); predict("two-back")
for _ in range(2):
    sightglass.record_label("two-forth", "on_time", FIRST); sightglass.record_label("two-forth", "late", LAST)
    sightglass.record_label("two-back", "late", LAST); sightglass.record_label("two-back", "on_time", FIRST)
"""
    run(running, script.replace("FIRST", first).replace("LAST", last), "twice-labelled")
    for name in ("two-forth", "two-back"):
        assert labels(running, name, 2) == ["on_time", "late"]
        ask(running, f"/predictions/{name}", {"label_value": "late"})
    latest = "SELECT PredictionId, Value FROM labels_latest WHERE PredictionId LIKE 'two-%' ORDER BY PredictionId"
    assert [tuple(row) for row in running.clickhouse(latest)] == [("two-back", "late"), ("two-forth", "late")]
    coverage = "/metrics/current?metric=label_coverage&filter=service=twice-labelled"
    ask(running, coverage, {"value": 1.0, "count": 2})


@pytest.mark.parametrize("hours", [-5, 5], ids=["behind", "ahead"])
def test_a_clock_that_is_hours_away_loses_nothing_and_spoils_nothing(running, hours):
    """Everything is stored under the time that the process believed in and found there; the lag stays what it is."""
    name = f"clock{hours}"
    believed = datetime.now(UTC) + timedelta(hours=hours)
    run(
        running,
        f'predict("{name}"); sightglass.record_label("{name}", "late", observed_at=time.time_ns())',
        name,
        hours=hours,
    )
    run(running, 'predict("right-clock")', "right-clock")
    found = ask(running, f"/predictions/{name}", {"label_value": "late", "trace": {"spans": [{"name": "predict"}]}})
    at = datetime.fromisoformat(found["timestamp"])
    assert abs(at - believed) < timedelta(minutes=2)
    arrived = datetime.fromisoformat(found["label_arrived_at"])
    assert abs(arrived - datetime.now(UTC)) < timedelta(minutes=2)
    start = int(at.timestamp()) // 600 * 600
    around = f"from={start}&to={start + 600}&step=10m&filter=service={name}"
    ask(running, f"/metrics/history?metric=prediction_rate&{around}", {"series": [{"points": [["...", 1 / 600]]}]})
    # Nobody judges whether the future is complete.
    ratio = 1.0 if hours < 0 else None
    ask(running, f"/metrics/history?metric=completeness&{around}", {"series": [{"points": [["...", ratio]]}]})

    health = ask(running, "/pipeline/health", {"ingest_lag_seconds": {"p95": "..."}})
    assert health["ingest_lag_seconds"]["max"] < 60
    assert [row for row in health["completeness"] if row["ratio"] not in {None, 1.0}] == []
    assert health["status"] == "ok", health["reasons"]
    history = ask(running, "/metrics/history?metric=prediction_rate&from=now-10m&to=now&step=1m")
    assert abs(datetime.fromisoformat(history["complete_until"]) - datetime.now(UTC)) < timedelta(minutes=2)
