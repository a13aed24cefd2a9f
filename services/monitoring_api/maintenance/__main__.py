"""Runs the maintenance process: ``python -m services.monitoring_api.maintenance``."""

import asyncio
import signal
from datetime import UTC, datetime

from services.monitoring_api.database import ClickHouseDatabase
from services.monitoring_api.maintenance.instruments import Instruments
from services.monitoring_api.maintenance.process import NAME, Maintenance
from services.monitoring_api.maintenance.settings import MaintenanceSettings
from sightglass import Telemetry, configure_logging, start
from sightglass.process_settings import read_settings


def main() -> None:
    """Work until told to stop."""
    settings = read_settings(MaintenanceSettings)
    configure_logging(NAME)
    with start(NAME) as telemetry:
        asyncio.run(_run(settings, telemetry))


async def _run(settings: MaintenanceSettings, telemetry: Telemetry) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    database = ClickHouseDatabase(settings.connection("sightglass-maintenance"))
    try:
        maintenance = Maintenance(
            settings,
            database=database,
            clock=lambda: datetime.now(UTC),
            instruments=Instruments(telemetry.tracer, telemetry.meter),
        )
        await maintenance.run(stop)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
