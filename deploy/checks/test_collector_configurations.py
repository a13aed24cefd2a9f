"""The Collector's configurations as the Collector judges them."""

import json
import re
import subprocess
import sys

import pytest

from deploy.checks.composed import TLS, services
from deploy.checks.tools import collector_binary
from services.cli.collector.cache import REPOSITORY

pytestmark = [
    pytest.mark.inputs(
        "collector/*.yaml", "services/cli/collector", "deploy/docker-compose.*.yml", "deploy/docker", "deploy/systemd"
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
    collector = services(("embedded",))["collector"]
    named = [word.partition("=")[2].rpartition("/")[2] for word in collector["command"]]
    return json.loads(collector["environment"]["SIGHTGLASS_COLLECTOR_OVERLAYS"]), [
        f"deploy/docker/{name}" for name in named
    ]


def _tls_configurations():
    collector = services(("embedded",), over=(TLS,))["collector"]
    return json.loads(collector["environment"]["SIGHTGLASS_COLLECTOR_OVERLAYS"]), [
        "deploy/docker/config.container.yaml"
    ]


def _unit_configurations():
    unit = (REPOSITORY / "deploy/systemd/sightglass-collector.service").read_text()
    overlays = re.search(r"SIGHTGLASS_COLLECTOR_OVERLAYS=(\[.*?\])", unit)
    assert overlays
    return json.loads(overlays[1]), []


@pytest.mark.parametrize("configurations", [_compose_configurations, _tls_configurations, _unit_configurations])
def test_the_files_that_are_started_with_are_valid_together(configurations, tmp_path):
    """What the compose files and the unit name is valid in that order, with secrets in place."""
    stand_in = tmp_path / "secret"
    stand_in.write_text("stand-in")
    overlays, more = configurations()
    assert {"token", "production"} <= set(overlays)
    names = ["collector/config.yaml", *(f"collector/config.{name}.yaml" for name in overlays), *more]
    files = [f"--config={REPOSITORY / name}" for name in names]
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
