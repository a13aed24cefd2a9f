"""Starts the Collector of systemd's unit, with the overlays of SIGHTGLASS_COLLECTOR_OVERLAYS like `sightglass up`."""

import os
import sys

from services.cli.collector import CollectorBinaryError, CollectorSettings, binary_path, command
from services.cli.supervisor.preflight import is_loopback
from sightglass.process_settings import read_settings

_AUTHORITIES = "SIGHTGLASS_TLS_CA_FILE"


def main() -> None:
    """Become the Collector, or end with one sentence that says what is wrong."""
    settings = read_settings(CollectorSettings, others=("SIGHTGLASS_COLLECTOR_QUEUE_DIR",))
    if not is_loopback(settings.host) and "token" not in settings.overlays:
        sys.exit(
            f"SIGHTGLASS_COLLECTOR_HOST={settings.host} would let everybody who reaches this machine send telemetry: "
            'put "token" into SIGHTGLASS_COLLECTOR_OVERLAYS'
        )
    # The exporter takes any such file for a wish for TLS.
    if settings.clickhouse_ca_file is None and settings.clickhouse_endpoint.startswith("https:"):
        settings = settings.model_copy(update={"clickhouse_ca_file": os.environ.get(_AUTHORITIES)})
    try:
        arguments, variables = command(settings, binary_path(settings.binary, build_missing=False))
    except CollectorBinaryError as error:
        sys.exit(str(error))
    os.execve(arguments[0], arguments, variables)  # noqa: S606 - the Collector that the settings name


if __name__ == "__main__":
    main()
