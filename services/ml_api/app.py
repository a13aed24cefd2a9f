"""The prediction service as an application."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from fastapi import FastAPI

from services.ml_api.model_routes import build_model_router, show_active_version
from services.ml_api.routes import build_router
from services.ml_api.serving import Serving
from services.ml_api.settings import MlApiSettings
from services.web.application import create_base
from services.web.problems import Unavailable
from sightglass import configure_logging, instrument

SERVICE_NAME = "ml-api"
VERSION = "0.1.0"


def create_app(settings: MlApiSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    """The application with its telemetry, and its model when there is one."""
    app = create_base(
        "Sightglass ML API",
        version=VERSION,
        max_body_bytes=settings.max_body_bytes,
        allowed_hosts=settings.allowed_hosts,
        links={
            "OpenAPI document": "/openapi.json",
            "Models and their cards": "/v1/models",
            "Readiness": "/readyz",
            "Monitoring API": settings.monitoring_api_url,
            "Dashboard": settings.dashboard_url,
        },
    )
    # Probes are not traffic: they would show as requests without predictions.
    telemetry = instrument(app, service_name=SERVICE_NAME, excluded_urls="/healthz$,/readyz$")
    serving = Serving(settings.models_folder(), settings.model_name)
    # Without a model the log says so, and /readyz says it too and looks again.
    with suppress(Unavailable):
        serving.load()
    app.include_router(build_router(serving, telemetry.tracer, now))
    app.include_router(build_model_router(serving))
    show_active_version(app, serving)
    return app


def create_app_from_environment() -> FastAPI:
    """What each worker process runs."""
    configure_logging(SERVICE_NAME)
    return create_app(MlApiSettings())
