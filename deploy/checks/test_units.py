"""systemd's units as systemd judges them."""

import subprocess

import pytest

from deploy.checks.tools import need, need_root
from services.cli.collector.cache import REPOSITORY

pytestmark = [pytest.mark.inputs("deploy/systemd"), pytest.mark.timeout(600)]
UNITS = REPOSITORY / "deploy" / "systemd"
# In a mount namespace of its own, the checkout and a stand-in for the Collector lie where the units expect them.
_VERIFY = """
set -e
mount -t tmpfs none /opt
mkdir /opt/sightglass
mount --bind "$1" /opt/sightglass
mkdir /opt/bin
cp -a /usr/local/bin/. /opt/bin/
printf '#!/bin/sh\\n' >/opt/bin/sightglass-otelcol
chmod +x /opt/bin/sightglass-otelcol
mount --bind /opt/bin /usr/local/bin
shift
exec systemd-analyze verify --man=no "$@"
"""


def verified(*units):
    """What systemd says of units: nothing, when they are right. Its exit code is 0 for unknown keys too."""
    need_root("a mount namespace, so that the units' paths exist")
    need("systemd-analyze", "systemd")
    said = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _VERIFY, "verify", REPOSITORY, *units],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return said.stderr + said.stdout


def test_systemd_finds_nothing_wrong():
    """`systemd-analyze verify` says nothing of the target and its services."""
    assert verified(UNITS / "sightglass.target", *sorted(UNITS.glob("*.service"))) == ""


def test_a_wrong_unit_would_be_found(tmp_path):
    """The check above sees an unknown key and a program that is not there."""
    unit = (UNITS / "sightglass-worker.service").read_text()
    broken = tmp_path / "sightglass-broken.service"
    broken.write_text(unit.replace("UMask=", "Umaks=").replace("/opt/sightglass/.venv", "/opt/elsewhere/.venv"))
    said = verified(broken)
    assert "Umaks" in said
    assert "/opt/elsewhere/.venv/bin/python is not executable" in said


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda path: path.stem)
def test_every_unit_is_hardened(unit):
    """No unit runs as root, gains privileges, or writes outside of its state."""
    text = unit.read_text()
    for line in (
        "User=sightglass",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "UMask=0077",
    ):
        assert f"\n{line}\n" in text, line
