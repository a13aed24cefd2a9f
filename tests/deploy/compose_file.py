"""The compose file as its text says it; the real command line reads it in `make deploy-check`."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "docker-compose.monitoring.yml"
TLS = DEPLOY / "docker-compose.tls.yml"
OIDC = DEPLOY / "docker-compose.oidc.yml"


@cache
def document() -> dict[str, Any]:
    """The parsed file, with anchors and merges resolved."""
    return yaml.safe_load(COMPOSE.read_text())


def services() -> dict[str, dict[str, Any]]:
    """Every service of every profile, by name."""
    return document()["services"]
