"""Every process of ours, started by itself with no settings but a test's."""

import os
from pathlib import Path

from tests import warm

ROOT = Path(__file__).resolve().parents[2]
# What begins the names of its settings, and the words that start it.
PROCESSES = {
    "ML_API": ("services.ml_api",),
    "MONITORING_API": ("services.monitoring_api",),
    "WORKER": ("services.monitoring_api.worker",),
    "MAINTENANCE": ("services.monitoring_api.maintenance",),
    "CLICKHOUSE": ("services.embedded_clickhouse",),
    "SUPERVISOR": ("services.cli.supervisor",),
    "DASHBOARD": ("dashboard",),
    "MIGRATE": ("services.cli", "migrate"),
}


def start(name, folder, env):
    """Start a process that ends by itself, working in a folder, and return what came of it."""
    clean = {
        variable: value for variable, value in os.environ.items() if not variable.startswith(("SIGHTGLASS_", "OTEL_"))
    }
    env = {**clean, "PYTHONPATH": str(ROOT), "OTEL_SDK_DISABLED": "true", **env}
    return warm.run(["-m", *PROCESSES[name]], cwd=folder, env=env, timeout=60)
