"""How the names of our processes' settings begin, and those that belong to no one process.

A process knows its own names only; by these it tells another's from a misspelled one. A test holds them against all
settings classes.
"""

from typing import Final

from sightglass.settings import VARIABLES

PREFIXES: Final = (
    "SIGHTGLASS_CLICKHOUSE_",
    "SIGHTGLASS_COLLECTOR_",
    "SIGHTGLASS_DASHBOARD_",
    "SIGHTGLASS_MAINTENANCE_",
    "SIGHTGLASS_MIGRATE_",
    "SIGHTGLASS_ML_API_",
    "SIGHTGLASS_MONITORING_API_",
    "SIGHTGLASS_SUPERVISOR_",
    "SIGHTGLASS_WORKER_",
)
SHARED: Final = (
    *VARIABLES,
    "SIGHTGLASS_AUDIT_DIR",
    "SIGHTGLASS_AUTH",
    "SIGHTGLASS_DATA_DIR",
    "SIGHTGLASS_TLS_CA_FILE",
    "SIGHTGLASS_TOKEN",
    "SIGHTGLASS_TOKENS_FILE",
)
