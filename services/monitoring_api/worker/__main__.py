"""`python -m services.monitoring_api.worker`: the alert worker."""

import asyncio
import logging
import signal
import sys

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.exemplars import Exemplars, exemplars_in, no_exemplars
from services.monitoring_api.alerting.figures import Figures, figures_in, no_figures
from services.monitoring_api.alerting.measurement import Measure
from services.monitoring_api.alerting.replay import MeasureSlots
from services.monitoring_api.database import ClickHouseDatabase
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.worker.instruments import Instruments
from services.monitoring_api.worker.process import NAME, Effects, Worker
from services.monitoring_api.worker.settings import WorkerSettings
from services.monitoring_api.worker.store import Store, StoreTakenError, StoreUnusableError, prepare_folder
from sightglass import Telemetry, configure_logging, start
from sightglass.process_settings import read_settings

_logger = logging.getLogger(__name__)


def main() -> int:
    """Run the worker until SIGTERM or SIGINT."""
    configure_logging(NAME)
    # These log whole URLs at INFO, and a webhook's URL is a secret.
    for noisy in ("httpx", "httpcore", "aiosmtplib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    settings = read_settings(WorkerSettings)
    with start(NAME) as telemetry:
        try:
            return asyncio.run(_with_clickhouse(settings, telemetry))
        except (StoreTakenError, StoreUnusableError) as error:
            _logger.error("%s", error)  # noqa: TRY400 - the message says it all
            return 1


async def _with_clickhouse(settings: WorkerSettings, telemetry: Telemetry) -> int:
    database = ClickHouseDatabase(settings.connection("sightglass-worker"))
    try:
        measure = ClickHouseMeasure(
            database, delay_seconds=settings.evaluation_delay_seconds, statements=settings.pool_size
        )
        exemplars = exemplars_in(database, delay_seconds=settings.evaluation_delay_seconds)
        await run(
            settings, telemetry, measure, exemplars=exemplars, measure_slots=measure.over, figures=figures_in(database)
        )
    finally:
        await database.close()
    return 0


async def run(
    settings: WorkerSettings,
    telemetry: Telemetry,
    measure: Measure,
    *,
    exemplars: Exemplars = no_exemplars,
    measure_slots: MeasureSlots | None = None,
    figures: Figures = no_figures,
) -> None:
    """Run the worker with its sources, of answers for a slot and for several, of traces and pictures, until a signal.

    SIGTERM and SIGINT end it; at SIGHUP it reads its files again.

    Raises:
        StoreTakenError: When another worker uses the store.
        StoreUnusableError: When it can't be opened.
    """
    stop, reread = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reread.set)
    url = settings.resolved_store_url()
    prepare_folder(url)
    store = Store(url)
    try:
        store.create()
        instruments = Instruments(telemetry.tracer, telemetry.meter)
        effects = Effects(measure, metric_catalogue(), instruments, Surroundings(), exemplars, measure_slots, figures)
        await Worker(settings, store, effects).run(stop, reread)
    finally:
        store.close()


if __name__ == "__main__":
    sys.exit(main())
