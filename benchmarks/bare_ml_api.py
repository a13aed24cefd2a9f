"""The ML API without any telemetry: same edge, same routes, same model, and nothing of ours around or inside them.

python -m benchmarks.bare_ml_api
"""

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from opentelemetry.trace import NoOpTracer

from services.ml_api import observed, routes
from services.ml_api.serving import Serving
from services.ml_api.settings import MlApiSettings
from services.web.application import create_base
from services.web.server import serve
from sightglass import new_prediction_id


def create_app() -> FastAPI:
    """Build the service as `services.ml_api.app` does, without `instrument`, spans and events."""
    observed.record_prediction = _answer_only
    routes.record_label = _nothing
    settings = MlApiSettings()
    app = create_base(
        "bare",
        version="0",
        max_body_bytes=settings.max_body_bytes,
        allowed_hosts=settings.allowed_hosts,
        links={},
    )
    serving = Serving(settings.models_folder(), settings.model_name)
    app.include_router(routes.build_router(serving, NoOpTracer(), lambda: datetime.now(UTC)))
    return app


def _answer_only(*_: Any, **__: Any) -> str:
    """Make the id that the answer needs."""
    return new_prediction_id()


def _nothing(*_: Any, **__: Any) -> None:
    """Record nothing."""


if __name__ == "__main__":
    listener = MlApiSettings()
    serve("benchmarks.bare_ml_api:create_app", host=listener.host, port=listener.port, workers=1)
