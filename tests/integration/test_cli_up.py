"""`up`, `status`, `down` keep their promises with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from services.cli.supervisor.run_folder import RunFolder
from tests.integration.stack import Stack

pytestmark = pytest.mark.integration

NAMES = ["clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"]


@pytest.fixture
def unstarted(tmp_path):
    """A stack that is not started yet, and is stopped whatever the test starts of it."""
    stack = Stack(tmp_path, trained=False)
    stack.data_dir.mkdir(mode=0o700)
    yield stack
    stack.stop()


def processes_of(stack):
    """Every living process that works on a stack's data folder."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if environment.get("SIGHTGLASS_DATA_DIR") == str(stack.data_dir) and process.pid != os.getpid():
            found.append(process)
    return found


def wait_until(condition, seconds, message):
    """Look again and again until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message()
        time.sleep(0.1)


def test_everything_is_up(stack):
    """`up` returned, so `status --json` says that every process is up, and exits with 0."""
    result = stack.cli("status", "--json")
    report = json.loads(result.stdout)
    assert result.returncode == 0, result.stdout
    assert [entry["name"] for entry in report["processes"]] == NAMES
    assert {entry["state"] for entry in report["processes"]} == {"up"}
    assert all(psutil.pid_exists(entry["pid"]) for entry in report["processes"])
    ports = {entry["name"]: entry["port"] for entry in report["processes"]}
    assert ports == {**{name: stack.ports.get(name) for name in NAMES}, "worker": None, "maintenance": None}
    assert report["clickhouse"]["url"] == stack.url("clickhouse")
    assert report["clickhouse"]["reader_user"] == "reader"
    assert report["clickhouse"]["reader_password_file"].endswith("clickhouse-reader.password")


def test_up_again_changes_nothing(stack):
    """`up` on a running instance says so, leaves the processes alone and succeeds."""
    before = {name: stack.pid(name) for name in NAMES}
    result = stack.cli("up")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Already running" in result.stdout
    assert {name: stack.pid(name) for name in NAMES} == before


def test_the_doctor_finds_every_part_well(stack):
    """`doctor` reaches every part and fails nothing on a healthy stack."""
    result = stack.cli("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.returncode == 0, checks
    assert all(checks[name]["verdict"] == "ok" for name in NAMES), checks
    assert checks["clickhouse query"]["found"].startswith("ClickHouse ")


def test_the_data_folder_is_private(stack):
    """Nobody else on the machine can read the data folder."""
    assert stack.data_dir.stat().st_mode & 0o077 == 0


def test_up_holds_no_stream_of_its_caller(unstarted):
    """Whoever reads `up`'s output gets its end when `up` returns, while the processes run on."""
    up = subprocess.Popen(
        [sys.executable, "-m", "sightglass", "up", "--only", "clickhouse"],
        env=unstarted.env,
        cwd=unstarted.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = up.communicate(timeout=90)
    assert up.returncode == 0, out + err
    assert "Up: clickhouse" in out
    assert unstarted.is_up("clickhouse")


def test_a_killed_process_comes_back(unstarted):
    """A process killed with -9 is noticed, and it is up again under a new number."""
    assert unstarted.cli("up", "--only", "clickhouse").returncode == 0
    killed = unstarted.kill("clickhouse", signal.SIGKILL)
    unstarted.wait_up("clickhouse")
    assert unstarted.pid("clickhouse") != killed


def test_kill_9_of_the_supervisor_leaves_nothing_and_up_works_again(unstarted):
    """No process outlives a killed supervisor; `status` tells the truth, and the next `up` starts afresh."""
    assert unstarted.cli("up", "--only", "collector").returncode == 0
    os.kill(RunFolder(unstarted.data_dir).pid(), signal.SIGKILL)
    wait_until(lambda: not processes_of(unstarted), 20, lambda: processes_of(unstarted))
    assert unstarted.cli("status").returncode == 1
    up = unstarted.cli("up", "--only", "collector")
    assert up.returncode == 0, up.stdout + up.stderr


def test_down_leaves_nothing_and_can_be_repeated(unstarted):
    """After `down` no process of the data folder lives, and a second `down` has nothing to do."""
    assert unstarted.cli("up", "--only", "collector").returncode == 0
    first = unstarted.cli("down")
    assert first.returncode == 0, first.stdout + first.stderr
    assert processes_of(unstarted) == []
    second = unstarted.cli("down")
    assert (second.returncode, second.stdout) == (0, f"Nothing was running on {unstarted.data_dir}.\n")


def test_a_taken_port_is_named_with_its_holder(unstarted):
    """`up` starts nothing when a port is taken, and says which, by whom, and which setting moves it."""
    with socket.create_server(("127.0.0.1", unstarted.ports["dashboard"])):
        result = unstarted.cli("up")
    assert result.returncode == 1
    assert f"port {unstarted.ports['dashboard']}, which dashboard needs, is taken by" in result.stderr
    assert f"process {os.getpid()}" in result.stderr
    assert "SIGHTGLASS_DASHBOARD_PORT" in result.stderr
    assert not (unstarted.data_dir / "clickhouse").exists()


def test_a_start_that_fails_says_why_and_leaves_nothing(unstarted):
    """When a process does not come up, its last words and the remedy are shown, and what had started is stopped."""
    result = unstarted.cli("up", "--only", "collector", env={"SIGHTGLASS_COLLECTOR_BINARY": "/bin/false"})
    assert result.returncode == 1
    assert "collector exited with code 1 before it was ready" in result.stderr
    assert "sightglass collector validate" in result.stderr
    assert processes_of(unstarted) == []


def test_an_interrupted_up_leaves_nothing(unstarted):
    """Ctrl-C while `up` waits stops what it had started."""
    up = subprocess.Popen(
        [sys.executable, "-m", "sightglass", "up"],
        env=unstarted.env,
        cwd=unstarted.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    folder = RunFolder(unstarted.data_dir)
    wait_until(lambda: folder.read_state().get("processes"), 60, folder.read_state)
    up.send_signal(signal.SIGINT)
    out, _ = up.communicate(timeout=90)
    assert up.returncode not in {0, None}, out
    assert "Traceback" not in out
    assert processes_of(unstarted) == []


def test_an_external_clickhouse_is_used_instead(unstarted, tmp_path_factory):
    """With SIGHTGLASS_CLICKHOUSE_URL no engine is started here, and everything else asks the server at that URL."""
    server = Stack(tmp_path_factory.mktemp("server"), processes=["clickhouse"], trained=False)
    with server:
        secrets = unstarted.data_dir / "secrets"
        secrets.symlink_to(server.data_dir / "secrets")
        url = {"SIGHTGLASS_CLICKHOUSE_URL": server.url("clickhouse")}
        up = unstarted.cli("up", "--only", "monitoring-api", env=url)
        assert up.returncode == 0, up.stdout + up.stderr
        report = json.loads(unstarted.cli("status", "--json", env=url).stdout)
        entry = report["processes"][0]
        assert (entry["name"], entry["state"], entry["pid"]) == ("clickhouse", "up", None)
        assert report["clickhouse"]["url"] == server.url("clickhouse")
        assert not (unstarted.data_dir / "clickhouse").exists()
        assert "otel_traces" in {name for (name,) in server.clickhouse("SHOW TABLES")}
        assert unstarted.cli("down", env=url).returncode == 0
