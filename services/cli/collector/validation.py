"""Asks the Collector itself whether a configuration is right."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from services.cli.collector.cache import CONFIG_DIR
from services.cli.collector.launch import overlay_path, passed_on
from services.cli.collector.settings import CollectorSettings

OVERLAYS: Final = ("token", "tls", "production", "allow-list")
# Every way in which the shipped files may be laid over each other.
SHIPPED: Final[tuple[tuple[str, ...], ...]] = tuple(
    chosen for count in range(len(OVERLAYS) + 1) for chosen in combinations(OVERLAYS, count)
)


@dataclass(frozen=True)
class Verdict:
    """What the Collector said about one configuration; `problem` is empty when it is right."""

    configuration: str
    problem: str


def validate(binary: Path, settings: CollectorSettings, overlays: Sequence[str]) -> Verdict:
    """Has the Collector read `config.yaml` with these overlays.

    The check needs no ClickHouse and no secrets: a password or token that is not there yet is stood in for.
    """
    files = [CONFIG_DIR / "config.yaml", *(overlay_path(name) for name in overlays)]
    variables = dict(os.environ) | passed_on(settings)
    with tempfile.TemporaryDirectory() as folder:
        stand_in = Path(folder) / "password"
        stand_in.write_text("stand-in")
        if not settings.password_file.exists():
            variables["SIGHTGLASS_COLLECTOR_CLICKHOUSE_PASSWORD_FILE"] = str(stand_in)
        if not settings.ingest_token_file.exists():
            variables["SIGHTGLASS_COLLECTOR_TOKEN_FILE"] = str(stand_in)
        arguments = [str(binary), "validate", *(word for path in files for word in ("--config", str(path)))]
        answer = subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=60, check=False)
    said = (answer.stderr + answer.stdout).strip() or f"exit code {answer.returncode}"
    return Verdict(" + ".join(path.name for path in files), "" if answer.returncode == 0 else said)
