"""Writes deploy/docker-compose.settings.yml: `python -m deploy.checks.settings_file`.

Compose hands a variable on only where it is named, so that file names every setting of every process; a test holds it
against the settings classes.
"""

from pathlib import Path

from services.cli.collector.cache import REPOSITORY
from services.cli.settings_catalogue import Setting, all_settings
from sightglass.process_names import PREFIXES, SHARED

FILE = REPOSITORY / "deploy" / "docker-compose.settings.yml"
# What each service of the compose file runs.
SERVICES = {
    "clickhouse-embedded": ("SIGHTGLASS_CLICKHOUSE_",),
    "migrate": ("SIGHTGLASS_MIGRATE_",),
    "collector": ("SIGHTGLASS_COLLECTOR_",),
    "model-training": ("SIGHTGLASS_ML_API_",),
    "ml-api": ("SIGHTGLASS_ML_API_",),
    "monitoring-api": ("SIGHTGLASS_MONITORING_API_",),
    "worker": ("SIGHTGLASS_WORKER_",),
    "maintenance": ("SIGHTGLASS_MAINTENANCE_",),
    "dashboard": ("SIGHTGLASS_DASHBOARD_",),
    "tools": tuple(prefix for prefix in PREFIXES if prefix != "SIGHTGLASS_SUPERVISOR_"),
}
# OpenTelemetry's own, of which there are many: those that people change.
_OF_TELEMETRY = (
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
)
# It names a server that is used instead of the process whose name it has, and the compose file hands it to all.
_OF_NOBODY = ("SIGHTGLASS_CLICKHOUSE_URL",)
_HEAD = """\
# Written by `python -m deploy.checks.settings_file`, do not edit. Which settings each service gets from deploy/.env, or
# from the environment that compose is called with; what is not set there is not handed on. Secrets are not among them:
# they are files.
services:
"""


def text() -> str:
    """The whole file."""
    found = all_settings()
    return _HEAD + "".join(
        f"  {service}:\n    environment:\n" + "".join(f"      {name}:\n" for name in names(service, found))
        for service in SERVICES
    )


def names(service: str, found: list[Setting]) -> list[str]:
    """The settings that a service gets, sorted.

    Args:
        service: its name.
        found: every setting there is.
    """
    own = [
        setting.name
        for setting in found
        if setting.name.startswith(SERVICES[service]) and not setting.secret and setting.name not in _OF_NOBODY
    ]
    if service == "collector":
        return sorted(own)
    shared = [setting.name for setting in found if setting.name in SHARED and not setting.secret]
    return sorted({*own, *shared, *_OF_TELEMETRY})


def main(file: Path = FILE) -> None:
    """Write it."""
    file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
