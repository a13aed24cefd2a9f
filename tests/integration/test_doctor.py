"""`sightglass doctor` sees every part of an instance, whoever started it, and what it sends never counts."""

import json
import os
import subprocess
import sys
import time

import httpx
import pytest

from services.monitoring_api.queries.synthetic import MODEL, SERVICE, VARIANT
from tests.integration.stack import ROOT, Stack

pytestmark = pytest.mark.integration

NAMES = ["clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"]
OF_AN_INSTANCE = [
    *("clickhouse query", "versions", "schema", "clickhouse disk", "clock skew", "collector queue", "duplicates"),
    *("pipeline", "answer time", "model", "alert outbox", "synthetic prediction"),
]
# A machine's own affairs, and what a busy one may say of the pipeline, are no failure.
MAY_WARN = {"memory", "disk", "pipeline", "ingest lag", "answer time", "clickhouse disk", "clock skew"}


def examined(stack, *options, env=None):
    """Exit code and checks by name."""
    result = stack.cli("doctor", "--json", *options, env=env)
    assert result.stdout, result.stderr
    return result.returncode, {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def trace_of(check):
    """The trace id that the synthetic check tells."""
    return check["found"].rsplit(" ", 1)[1]


def ask(stack, path, **parameters):
    """The monitoring API's answer."""
    answer = httpx.get(f"{stack.url('monitoring-api')}/api/v1{path}", params=parameters, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()


def test_a_healthy_instance_passes_every_check(stack):
    """Each part is reached, versions and schema fit, and the synthetic prediction is seen with its trace."""
    code, checks = examined(stack)
    assert code == 0, checks
    assert {*NAMES, *OF_AN_INSTANCE} <= set(checks)
    bad = {name: check for name, check in checks.items() if check["verdict"] in {"warning", "failed"}}
    assert set(bad) <= MAY_WARN, bad
    synthetic = checks["synthetic prediction"]
    assert synthetic["verdict"] == "ok"
    assert "visible with its trace" in synthetic["found"]
    trace = ask(stack, f"/traces/{trace_of(synthetic)}")
    assert trace["services"] == [SERVICE]
    assert [span["kind"] for span in trace["spans"]] == ["Internal"]
    assert "nothing is due" in checks["schema"]["found"]
    assert checks["versions"]["found"].endswith("Collector 0.161.0")


def test_what_the_doctor_sends_never_counts(stack):
    """No figure by default or by group, no process, no count and no lag knows it, raw or from the rollup."""
    before = time.time()
    code, checks = examined(stack)
    assert code == 0, checks
    ((stored, variant, model),) = stack.clickhouse(
        "SELECT count(), any(Variant), any(ModelName) FROM predictions WHERE TraceId = {id:String}",
        parameters={"id": trace_of(checks["synthetic prediction"])},
    )
    assert (stored, variant, model) == (1, VARIANT, MODEL)
    _until_rolled_up(stack, before)
    window = {"from": before - 3600, "to": time.time() + 5, "step": "1m"}
    for metric in ask(stack, "/metrics")["metrics"]:
        for group in ("service", "model", "variant"):
            if group in metric["group_by"]:
                found = ask(stack, "/metrics/history", metric=metric["name"], group_by=group, **window)
                labels = {value for series in found["series"] for value in series["labels"].values()}
                assert not labels & {SERVICE, MODEL, VARIANT}, (metric["name"], group)
        if "service" in metric["filters"]:
            said = {
                "filter": [f"service={SERVICE}", *(["variant=synthetic"] if "variant" in metric["filters"] else [])]
            }
            found = ask(stack, "/metrics/history", metric=metric["name"], **window, **said)
            values = [value for series in found["series"] for _, value in series["points"]]
            assert not any(values), (metric["name"], values)
    health = ask(stack, "/pipeline/health", window="1h")
    assert SERVICE not in {process["name"] for process in health["processes"]}
    assert SERVICE not in {row["service"] for row in health["completeness"]}
    assert not any(SERVICE in reason for reason in health["reasons"])
    for table in ("rollup_predictions_1m", "rollup_requests_1m"):
        ((rows,),) = stack.clickhouse(f"SELECT count() FROM {table} WHERE ServiceName = '{SERVICE}'")
        assert rows == 0, table


def _until_rolled_up(stack, before):
    """Wait until the minute in which it was sent has been computed."""
    marks = "SELECT count() FROM rollup_dirty WHERE Kind = 'predictions' AND Minute <= toDateTime({at:UInt32}, 'UTC')"
    minute_ends = (before // 60 + 1) * 60
    deadline = time.monotonic() + 150
    while True:
        assert time.monotonic() < deadline, "the minute was not computed"
        passed = time.time() > minute_ends
        if passed and stack.clickhouse(marks, parameters={"at": int(before)}) == [(0,)]:
            return
        time.sleep(0.5)


def test_looking_only_sends_nothing(stack):
    """`--skip-synthetic` leaves no trace in the store."""
    counted = f"SELECT count() FROM predictions WHERE ServiceName = '{SERVICE}'"
    before = stack.clickhouse(counted)
    code, checks = examined(stack, "--skip-synthetic")
    assert code == 0, checks
    assert checks["synthetic prediction"]["verdict"] == "skipped"
    assert stack.clickhouse(counted) == before


def test_an_instance_that_something_else_started_is_examined_too(stack, tmp_path):
    """With a data folder of its own, the doctor asks where the settings say that the parts are."""
    password = stack.data_dir / "secrets" / "clickhouse-reader.password"
    elsewhere = {
        "SIGHTGLASS_DATA_DIR": str(tmp_path / "elsewhere"),
        "SIGHTGLASS_MONITORING_API_CLICKHOUSE_PASSWORD_FILE": str(password),
    }
    code, checks = examined(stack, env=elsewhere)
    assert code == 0, checks
    assert "not started by" in checks["instance"]["found"]
    assert checks["worker"]["verdict"] == "skipped"
    assert checks["synthetic prediction"]["verdict"] == "ok"
    assert all(checks[name]["verdict"] == "ok" for name in ("clickhouse", "collector", "ml-api", "monitoring-api"))
    assert "port" not in " ".join(checks)


def test_what_is_wrong_is_named_with_its_remedy(tmp_path_factory):
    """Without a Collector there is no data: the doctor fails, and says where to look."""
    folder = tmp_path_factory.mktemp("partial")
    with Stack(folder, processes=("monitoring-api",), trained=False) as partial:
        code, checks = examined(partial)
        assert code == 0, checks
        assert checks["ml-api"]["verdict"] == "skipped"
        assert checks["synthetic prediction"]["verdict"] == "ok"
        partial.clickhouse(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'newer', 'x')", user="migrator"
        )
        wrong = {"SIGHTGLASS_TOKEN": "sgt_none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
        code, checks = examined(partial, env=wrong)
        assert code == 1
        assert checks["schema"]["verdict"] == "failed"
        assert "older than the schema" in checks["schema"]["found"]
        # What runs here is asked where it was started, whatever the caller's environment says.
        assert checks["synthetic prediction"]["verdict"] == "ok"
    nowhere = {"SIGHTGLASS_DATA_DIR": str(folder / "nothing")}
    code, checks = examined(partial, env=nowhere)
    assert code == 0, checks
    assert checks["instance"]["verdict"] == "skipped"
    assert checks["ports"]["verdict"] == "ok"
    code, checks = examined(partial, "--expect-running", env=nowhere)
    assert code == 1
    assert {checks[name]["verdict"] for name in ("instance", *NAMES)} == {"failed"}
    assert "no heartbeat yet" in checks["worker"]["found"]


def test_parts_that_are_elsewhere_are_expected_to_answer(tmp_path):
    """With addresses of other machines, as in containers, nothing is looked for here, and silence is a failure."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))}
    env |= {
        "SIGHTGLASS_DATA_DIR": str(tmp_path / "data"),
        "SIGHTGLASS_COLLECTOR_HOST": "collector.invalid",
        "SIGHTGLASS_MONITORING_API_ML_API_URL": "http://ml-api.invalid:8002",
        "SIGHTGLASS_DASHBOARD_API_URL": "http://monitoring-api.invalid:8003",
        "SIGHTGLASS_WORKER_DASHBOARD_URL": "http://dashboard.invalid:8501",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.invalid:4318",
    }
    command = [sys.executable, "-m", "services.cli", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["instance"]["verdict"] == "failed"
    assert {checks[name]["verdict"] for name in ("collector", "ml-api", "monitoring-api", "dashboard")} == {"failed"}
    assert "ml-api.invalid" in checks["ml-api"]["found"]
    assert checks["data folder"]["verdict"] == checks["collector binary"]["verdict"] == "skipped"
    assert not [name for name in checks if name.startswith("port")]
