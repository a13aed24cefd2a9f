"""docs/MONITORING_DEPLOYMENT_GUIDE.md: the shape "one machine", followed to the letter in an empty folder."""

import json
import sys

import pytest

from tests.integration.guide import Follower, blocks, matches
from tests.integration.stack import ROOT, Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

GUIDE = ROOT / "docs" / "MONITORING_DEPLOYMENT_GUIDE.md"
BLOCKS = blocks(GUIDE)


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
    for name in ("clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"):
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


def test_a_backup_goes_back(started):
    """Copied while stopped; restored in place of a folder that is gone, the same prediction is there again."""
    follower, _ = started
    before = json.loads(follower.run(BLOCKS["visible"]))
    follower.run(BLOCKS["backup"])
    assert (follower.folder / "sightglass-backup.tar.gz").stat().st_mode & 0o077 == 0
    stop, start = (f".venv/bin/sightglass {words}" for words in ("down", "up --detach"))
    follower.run(f"{stop}\nrm -rf .sightglass\ntar -xzf sightglass-backup.tar.gz\n{start}")
    assert json.loads(follower.run(BLOCKS["visible"]))["features"] == before["features"]
    follower.run(BLOCKS["stop"])
    assert json.loads(follower.run(".venv/bin/sightglass status --json || true"))["processes"] is not None
