"""Dockerfiles as hadolint judges them."""

import subprocess

import pytest

from deploy.checks.tools import hadolint
from services.cli.collector.cache import REPOSITORY

pytestmark = [pytest.mark.inputs("deploy/docker"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", ["python.Dockerfile", "collector.Dockerfile"])
def test_hadolint_finds_nothing(name):
    """No finding of any severity."""
    found = subprocess.run(
        [hadolint(), "--no-color", f"deploy/docker/{name}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
