"""The compose file, read by the real command line."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from deploy.checks.tools import compose_cli
from services.cli.collector.cache import REPOSITORY

FILE = "deploy/docker-compose.monitoring.yml"
TLS = "deploy/docker-compose.tls.yml"
OIDC = "deploy/docker-compose.oidc.yml"


def config(
    profiles: Sequence[str], *words: str, env: dict[str, str] | None = None, over: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run `docker compose config` from the root of the repository, with nothing of this environment that it reads.

    Args:
        profiles: the chosen ones.
        words: more of the command line.
        env: variables of whoever calls.
        over: files laid over the compose file, in order.
    """
    chosen = [word for file in (FILE, *over) for word in ("-f", file)]
    chosen += [word for profile in profiles for word in ("--profile", profile)]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "COMPOSE_", "OTEL_"))
    }
    return subprocess.run(
        [compose_cli(), *chosen, "config", *words],
        cwd=REPOSITORY,
        env=kept | (env or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def services(
    profiles: Sequence[str], env: dict[str, str] | None = None, over: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Every service of these profiles as compose resolves it, by name; secrets as well, under `secrets`."""
    read = config(profiles, "--format", "json", env=env, over=over)
    assert read.returncode == 0, read.stderr
    document = json.loads(read.stdout)
    for service in document["services"].values():
        for secret in service.get("secrets") or []:
            secret["file"] = document["secrets"][secret["source"]]["file"]
    services_by_name: dict[str, dict[str, Any]] = document["services"]
    return services_by_name
