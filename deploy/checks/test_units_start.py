"""systemd's units started as their files say, in namespaces instead of under systemd."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.checks.guide import commands
from deploy.checks.tools import collector_binary, need, need_root
from deploy.checks.units import CALLER, ORDER, PLACED, READY
from services.cli.collector.cache import REPOSITORY

pytestmark = [
    pytest.mark.inputs(
        "pyproject.toml",
        "uv.lock",
        "sightglass",
        "services",
        "dashboard",
        "collector",
        "deploy",
        "docs/MONITORING_DEPLOYMENT_GUIDE.md",
    ),
    pytest.mark.timeout(1500),
]

NO_LOGIN = "4294967295"


@pytest.fixture(scope="module", params=["plain", "tls"])
def started(request, tmp_path_factory):
    """What became of the units, and the folder with their logs and system calls: plain, and serving others by TLS."""
    need_root("namespaces of mounts and network")
    need("strace", "strace")
    need("setpriv", "util-linux")
    need("openssl", "openssl")
    need("systemctl", "systemd")
    folder = tmp_path_factory.mktemp("units")
    for name in ("token", "prove"):
        (folder / f"{name}.sh").write_text(commands(f"systemd {name}"))
    script = [REPOSITORY / "deploy/checks/units.sh", REPOSITORY, collector_binary(), sys.base_prefix, folder]
    script += [request.param, tmp_path_factory.getbasetemp() / "models"]
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
    assert report["steps"].keys() >= {"clickhouse, then", "migrate", "collector, then"}
    assert report["ready"] == dict.fromkeys(READY, 0), logs
    assert report["visible"] is True, logs
    # The Collector's code 1 is the one that its unit expects.
    assert report["stopped"].pop("collector") in {0, 1}, logs
    assert set(report["stopped"].values()) == {0}, logs


PARTS = ("clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard")
# A busy machine's own affairs.
MAY_WARN = {"memory", "disk", "pipeline", "ingest lag", "answer time", "clickhouse disk", "clock skew"}


def test_the_command_works_where_its_caller_is(started):
    """As root, in a folder that the services' user cannot enter: the doctor sees all, labels and tokens are read."""
    report, _, logs = started
    for name in ("doctor", "doctor, token by variable"):
        code, said = report[name]
        assert said.startswith("{"), said
        checks = {check["name"]: check for check in json.loads(said)["checks"]}
        assert code == 0, (checks, logs)
        assert {checks[part]["verdict"] for part in PARTS} == {"ok"}, checks
        assert {name for name, check in checks.items() if check["verdict"] == "warning"} <= MAY_WARN, checks
        assert checks["collector binary"]["found"].endswith("/usr/local/bin/sightglass-otelcol")
        assert checks["synthetic prediction"]["verdict"] == ("ok" if name == "doctor" else "skipped")
    # And as the guide has it, with the token that its own line saved.
    assert report["mode of the token"] == "600"
    assert report["guide"][0] == 0, report["guide"][1]
    code, said = report["labels"]
    assert code == 0, said
    # It made nothing that the services could not read.
    assert report["owners"] == ["sightglass"]


def test_the_audit_log_names_who_called(started):
    """Not the services' user alone, whom the command becomes; a unit has no caller, and a login that is known wins."""
    audited = started[0]["audited"]
    login = Path("/proc/self/loginuid")
    if login.exists() and login.read_text() == NO_LOGIN:
        assert audited.get("model.train", "local:sightglass") == "local:sightglass"
        assert audited["token.create"] == f"local:sightglass({CALLER})"
    else:
        assert audited["token.create"].startswith("local:sightglass")


def test_everything_is_installed_where_it_belongs(started):
    """By install.sh itself, with the modes and owners that keep secrets from others."""
    report, _, _ = started
    assert report["placed"] == PLACED


def test_units_can_be_masked_and_an_upgrade_takes_the_earlier_ones_away(started):
    """A unit outside of /etc has room for its mask; an earlier version's leave it, masks and other units stay."""
    report, _, _ = started
    for words, (code, said) in report["switched"].items():
        assert code == 0, f"{words}: {said}"
    assert report["left"] == ["sightglass-clickhouse.service", "sightglass-yours.service"]
    # The first installation, then the upgrade.
    assert report["systemctl"] == ["daemon-reload", "daemon-reload", "reenable sightglass.target"]


def test_settings_reach_the_units_and_the_command(started, request):
    """What sightglass.env says is what the command knows; with the example every listener has its certificate."""
    report, _, _ = started
    settings = {setting["name"]: setting["value"] for setting in json.loads(report["settings"])}
    assert settings["SIGHTGLASS_DATA_DIR"] == "/var/lib/sightglass"
    if request.node.callspec.params["started"] == "tls":
        assert settings["SIGHTGLASS_DASHBOARD_API_URL"] == "https://127.0.0.1:8003"
        checks = {check["name"]: check for check in json.loads(report["doctor"][1])["checks"]}
        assert checks["certificates"]["verdict"] == "ok"
        assert checks["certificates"]["found"].startswith("4 trusted")
        for name in ("ml-api", "monitoring-api", "dashboard"):
            assert "https://" in checks[name]["found"]


@pytest.mark.parametrize("name", ORDER)
def test_every_system_call_is_one_that_the_unit_allows(started, name):
    """None of the calls that a process made is outside of its SystemCallFilter, which would have ended it."""
    need("systemd-analyze", "systemd")
    _, folder, _ = started
    if not (folder / f"{name}.calls").exists():
        assert name == "model", "it was not started"
        return
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
