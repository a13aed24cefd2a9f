"""The prediction service with trouble planted in it, as a process: `python -m tests.integration.planted_ml_api`.

PLANTED_SLOW_VERSION and PLANTED_CALL_SECONDS: every call of that version on a thread takes so long, and on the event
loop, where it is warmed up, just long enough to be known as slow. PLANTED_WEATHER_SECONDS: so does each weather lookup.
"""

import asyncio
import os
import time

from services.ml_api.app import create_app
from services.ml_api.scoring import Predictor
from services.ml_api.settings import MlApiSettings
from services.ml_api.weather_lookup import DelayedLookup, TableLookup
from services.web.server import serve
from sightglass import configure_logging

_KNOWN_AS_SLOW_SECONDS = 0.05


def create():
    """What each worker process runs."""
    configure_logging("ml-api")
    slow_version = os.environ.get("PLANTED_SLOW_VERSION")
    call_seconds = float(os.environ.get("PLANTED_CALL_SECONDS", "0"))
    weather_seconds = float(os.environ.get("PLANTED_WEATHER_SECONDS", "0"))
    decide = Predictor.decide

    def slow(self, rows):
        if self.model.version == slow_version:
            time.sleep(_KNOWN_AS_SLOW_SECONDS if _on_event_loop() else call_seconds)
        return decide(self, rows)

    Predictor.decide = slow
    weather = DelayedLookup(TableLookup(), weather_seconds) if weather_seconds else None
    return create_app(MlApiSettings(), weather=weather)


def _on_event_loop():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


if __name__ == "__main__":
    settings = MlApiSettings()
    serve(
        "tests.integration.planted_ml_api:create",
        settings,
        workers=settings.workers,
        grace_seconds=settings.grace_seconds(),
    )
