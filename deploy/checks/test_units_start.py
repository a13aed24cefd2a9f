"""systemd's units started as their files say, in namespaces instead of under systemd."""

import json
import re
import subprocess
import sys

import pytest

from deploy.checks.tools import collector_binary, need, need_root
from deploy.checks.units import ORDER, READY
from services.cli.collector.cache import REPOSITORY

pytestmark = [
    pytest.mark.inputs("pyproject.toml", "uv.lock", "sightglass", "services", "dashboard", "collector", "deploy"),
    pytest.mark.timeout(1500),
]


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """What became of the units, and the folder with their logs and system calls."""
    need_root("namespaces of mounts and network")
    need("strace", "strace")
    need("setpriv", "util-linux")
    folder = tmp_path_factory.mktemp("units")
    script = [REPOSITORY / "deploy/checks/units.sh", REPOSITORY, collector_binary(), sys.base_prefix, folder]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "sh", *script], capture_output=True, text=True, timeout=1400, check=False
    )
    logs = "\n".join(
        f"== {path.stem}\n{path.read_text(errors='replace')[-800:]}" for path in sorted(folder.glob("*.log"))
    )
    assert done.returncode == 0, done.stderr[-3000:] + logs
    return json.loads(done.stdout), folder, logs


def test_a_prediction_is_visible_with_what_the_units_give(started):
    """Each process starts as another user, with its own credentials only, becomes ready, serves and stops by itself."""
    report, _, logs = started
    assert set(report["steps"].values()) == {0}, logs
    assert report["ready"] == dict.fromkeys(READY, 0), logs
    assert report["visible"] is True, logs
    # The Collector's code 1 is the one that its unit expects.
    assert report["stopped"].pop("collector") in {0, 1}, logs
    assert set(report["stopped"].values()) == {0}, logs


@pytest.mark.parametrize("name", ORDER)
def test_every_system_call_is_one_that_the_unit_allows(started, name):
    """None of the calls that a process made is outside of its SystemCallFilter, which would have ended it."""
    need("systemd-analyze", "systemd")
    _, folder, _ = started
    unit = (REPOSITORY / f"deploy/systemd/sightglass-{name}.service").read_text()
    allowed = {call for group in re.findall(r"^SystemCallFilter=(.+)$", unit, re.MULTILINE) for call in _calls(group)}
    lines = (folder / f"{name}.calls").read_text().splitlines()
    made = {line.split()[-1] for line in lines[2:] if line.strip() and not line.startswith("-")} - {"total"}
    assert len(made) > 20
    assert made <= allowed


def _calls(group):
    """The system calls of a group, with the groups inside it."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    ).stdout
    for word in map(str.strip, listed.splitlines()[1:]):
        if word.startswith("@"):
            yield from _calls(word)
        elif word and not word.startswith("#"):
            yield word
