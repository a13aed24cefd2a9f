"""The Collector's configurations as the Collector judges them."""

import subprocess
import sys

import pytest

from deploy.checks.composed import services
from deploy.checks.tools import collector_binary
from services.cli.collector.cache import REPOSITORY

pytestmark = [
    pytest.mark.inputs(
        "collector/*.yaml", "services/cli/collector", "deploy/docker-compose.monitoring.yml", "deploy/systemd"
    ),
    pytest.mark.timeout(1200),
]


def test_every_combination_of_the_shipped_files_is_valid():
    """`sightglass collector validate` accepts all of them."""
    collector_binary()
    verb = [sys.executable, "-m", "services.cli", "collector", "validate"]
    said = subprocess.run(verb, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "invalid" not in said.stdout


def _compose_configurations():
    return [word.partition("=")[2].rpartition("/")[2] for word in services(("embedded",))["collector"]["command"]]


def _unit_configurations():
    unit = (REPOSITORY / "deploy/systemd/sightglass-collector.service").read_text()
    return [word.partition("=")[2].rpartition("/")[2] for word in unit.split() if word.startswith("--config=")]


@pytest.mark.parametrize("configurations", [_compose_configurations, _unit_configurations])
def test_the_files_that_are_started_with_are_valid_together(configurations, tmp_path):
    """What the compose file and the unit name is valid in that order, with secrets in place."""
    stand_in = tmp_path / "secret"
    stand_in.write_text("stand-in")
    files = [f"--config={REPOSITORY / 'collector' / name}" for name in configurations()]
    assert len(files) == 3
    said = subprocess.run(
        [collector_binary(), "validate", *files],
        env={
            "SIGHTGLASS_COLLECTOR_HOST": "0.0.0.0",
            "SIGHTGLASS_COLLECTOR_CLICKHOUSE_PASSWORD_FILE": str(stand_in),
            "SIGHTGLASS_COLLECTOR_TOKEN_FILE": str(stand_in),
            "SIGHTGLASS_COLLECTOR_CLICKHOUSE_COMPRESS": "none",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
