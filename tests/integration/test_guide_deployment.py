"""docs/MONITORING_DEPLOYMENT_GUIDE.md: the shape "one machine", followed to the letter in an empty folder."""

import contextlib
import json
import re
import sys

import psutil
import pytest

from tests.integration.guide import Follower, blocks, matches
from tests.integration.stack import ROOT, Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

GUIDE = ROOT / "docs" / "MONITORING_DEPLOYMENT_GUIDE.md"
BLOCKS = blocks(GUIDE)
PROCESSES = ("clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard")


@pytest.fixture(scope="module")
def follower(tmp_path_factory):
    """Somebody in an empty folder whose checkout is set up, on free ports, with a trained model.

    The checkout's own `.venv` is used: that set-up works is what every other test stands on.
    """
    folder = tmp_path_factory.mktemp("follower")
    # Its ports and variables; the guide's own commands start and stop what runs.
    stack = Stack(folder, data_folder=".sightglass")
    stack.prepare()
    numbers = {8002: "ml-api", 8003: "monitoring-api"}
    moved = {f"127.0.0.1:{port}": stack.url(name).removeprefix("http://") for port, name in numbers.items()}
    ours = {name: value for name, value in stack.env.items() if name.startswith("SIGHTGLASS_")}
    del ours["SIGHTGLASS_DATA_DIR"]  # the guide's own is the default
    follower = Follower(
        folder,
        {".venv/bin/sightglass": f"{sys.executable} -m sightglass", "python3 -c": f"{sys.executable} -c", **moved},
        {**ours, "PYTHONPATH": str(ROOT)},
    )
    yield follower
    stack.stop()


@pytest.fixture(scope="module")
def started(follower):
    """The guide up to and with its fifth step."""
    told = {name: follower.run(BLOCKS[name]) for name in ("settings", "look", "token", "start")}
    return follower, told


def test_what_is_told_on_the_way(started):
    """Settings name their source, the doctor finds nothing that fails, and every process is up."""
    _, told = started
    assert ".env" in told["settings"]
    assert "failed" not in told["look"]
    for name in PROCESSES:
        assert name in told["start"]


def test_tokens_are_asked_for_and_private(started):
    """What the settings of the guide promise, and what `chmod` there is for."""
    follower, _ = started
    assert (follower.folder / "me.token").stat().st_mode & 0o077 == 0
    refused = follower.run(BLOCKS["predict"].replace("$(cat me.token)", "none").replace("--fail-with-body", ""))
    assert json.loads(refused)["status"] == 401


def test_the_first_prediction_is_visible(started):
    """Answered as shown, and read back as shown."""
    follower, _ = started
    assert matches(json.loads(BLOCKS["predicted"]), json.loads(follower.run(BLOCKS["predict"])))
    follower.until(BLOCKS["visible"], BLOCKS["seen"])


def test_the_doctor_proves_the_whole_way(started):
    """Exit code 0, with a synthetic prediction that arrived."""
    follower, _ = started
    told = follower.run(BLOCKS["prove"])
    assert "synthetic" in told


def test_the_question_for_a_slow_dashboard_can_be_asked(started):
    """What the table of troubleshooting times is a command that runs."""
    follower, _ = started
    (question,) = re.findall(r"`time (curl [^`]+)`", GUIDE.read_text(encoding="utf-8"))
    assert follower.run(question.replace("-o /dev/null", "-o /dev/null -w '%{http_code}'")) == "200"


def test_a_backup_goes_back(started):
    """Copied while stopped; restored in place of a folder that is gone, the same prediction is there again."""
    follower, _ = started
    before = json.loads(follower.run(BLOCKS["visible"]))
    follower.run(BLOCKS["backup"])
    assert (follower.folder / "sightglass-backup.tar.gz").stat().st_mode & 0o077 == 0
    stop, start = (f".venv/bin/sightglass {words}" for words in ("down", "up --detach"))
    follower.run(f"{stop}\nrm -rf .sightglass\ntar -xzf sightglass-backup.tar.gz\n{start}")
    assert json.loads(follower.run(BLOCKS["visible"]))["features"] == before["features"]


def test_nothing_is_left_after_a_stop(started):
    """The guide's last step ends every process, and the supervisor; no process of that data folder lives on."""
    follower, _ = started
    report = json.loads(follower.run(".venv/bin/sightglass status --json"))
    running = {process["pid"] for process in report["processes"]} | {report["supervisor"]["pid"]}
    assert len(running) == len(PROCESSES) + 1
    assert running <= of_folder(follower.folder)
    follower.run(BLOCKS["stop"])
    after = json.loads(follower.run(".venv/bin/sightglass status --json || true"))
    assert {process["name"]: process["state"] for process in after["processes"]} == dict.fromkeys(PROCESSES, "down")
    assert of_folder(follower.folder) == set()


def of_folder(folder):
    """The processes that have a folder's data folder in their environment."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SIGHTGLASS_DATA_DIR") == str(folder / ".sightglass"):
                found.add(process.pid)
    return found


def test_every_block_for_one_machine_is_run():
    """What the guide says is tested is what the tests above run; the rest is run by `make deploy-check`."""
    ours = {"settings", "look", "token", "start", "predict", "predicted", "visible", "seen", "prove", "backup", "stop"}
    assert set(BLOCKS) == ours | {"systemd token", "systemd prove", "containers token", "containers prove"}
