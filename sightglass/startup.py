"""`start` and `flush`: telemetry for any Python process."""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sightglass.environment import settle
from sightglass.export.exporters import NoExporters, OtlpExporters
from sightglass.predictions.model import Model, checked_model
from sightglass.settings import Settings
from sightglass.telemetry import Telemetry, adopt, current

_logger = logging.getLogger(__name__)
_lock = threading.Lock()


def start(
    service_name: str,
    *,
    model: Model | None = None,
    lossless: bool = False,
    replayed: bool = False,
    service_version: str | None = None,
    settings: Settings | None = None,
    stock: bool = False,
) -> Telemetry:
    """Start the telemetry of this process; a second call returns the one that runs.

    Args:
        service_name: Name under which this process is found.
        model: The model that predictions are of, unless they say otherwise.
        lossless: Block when a queue is full and retry until delivered, instead of dropping: for batch jobs.
        replayed: Everything recorded has a past timestamp; it is marked, and left out of ingest lag.
        service_version: Version of the service, when OTEL_RESOURCE_ATTRIBUTES does not say it.
        settings: The library's own settings; those of the SIGHTGLASS_* variables when left out.
        stock: Use the SDK's own batch processors and encoders.
    """
    with _lock:
        running = current()
        if running is None:
            settings = settings or Settings.from_environment()
            settle()
            try:
                telemetry = Telemetry(
                    service_name,
                    exporters=OtlpExporters(stock=stock),
                    model=model,
                    service_version=service_version,
                    settings=settings,
                    lossless=lossless,
                    replayed=replayed,
                    stock=stock,
                )
                telemetry.install()
            except Exception:
                # A setting that the SDK refuses must not keep the service itself from starting.
                _logger.exception("Telemetry could not be set up; the service runs without. Check the OTEL_* variables")
                with _without_variables():
                    telemetry = Telemetry(service_name, exporters=NoExporters(), model=model, settings=settings)
            return adopt(telemetry)
        asked = {"service_name": service_name, "lossless": lossless, "replayed": replayed, "stock": stock}
        keep_running(running, {**asked, "settings": settings or running.settings})
        take_model(running, model)
        return running


def keep_running(running: Telemetry, asked: Mapping[str, object]) -> None:
    """Warn when a telemetry that runs already is not what was asked for, by name of attribute."""
    if other := [name for name, value in asked.items() if getattr(running, name) != value]:
        _logger.warning(
            "Telemetry already runs as %s and goes on with its own %s; shut it down first.",
            running.service_name,
            ", ".join(other),
        )


@contextmanager
def _without_variables() -> Iterator[None]:
    """Nothing of OpenTelemetry's in the environment: whatever it refused, it does not see."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OTEL_")}
    try:
        yield
    finally:
        os.environ.update(taken)


def take_model(running: Telemetry, model: Model | None) -> None:
    """Give a running telemetry its default model, if it has none yet."""
    model = checked_model(model)
    if model is None or running.model == model:
        return
    if running.model is None:
        running.model = model
        return
    _logger.warning(
        "Predictions are of %s %s unless they say otherwise; pass model= to record_prediction for %s %s.",
        running.model.name,
        running.model.version,
        model.name,
        model.version,
    )


def flush(timeout_seconds: float = 10.0) -> bool:
    """Deliver everything recorded so far.

    Returns:
        True only when all of it arrived and nothing has been lost since the last flush; also when none was started.
    """
    telemetry = current()
    return True if telemetry is None else telemetry.flush(timeout_seconds)
