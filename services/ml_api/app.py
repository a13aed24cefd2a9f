"""The prediction service as an application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from anyio.to_thread import run_sync
from fastapi import FastAPI

from services.ml_api.access import POLICY
from services.ml_api.faults import FaultsFile, FaultyLookup
from services.ml_api.model_routes import build_model_router, show_active_version
from services.ml_api.prediction_routes import build_prediction_router
from services.ml_api.routes import build_router
from services.ml_api.serving import Serving, StoreWatch
from services.ml_api.settings import MlApiSettings
from services.ml_api.shadowing import Shadowing
from services.ml_api.weather_lookup import TableLookup, WeatherLookup
from services.web.application import create_base
from services.web.draining import Draining
from sightglass import configure_logging, instrument

SERVICE_NAME = "ml-api"
VERSION = "0.1.0"
# What the shadow gets at least, when requests under way have used up the grace time.
_SHORTEST_SHADOW_SECONDS = 0.5


def create_app(
    settings: MlApiSettings,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    weather: WeatherLookup | None = None,
) -> FastAPI:
    """The application with its telemetry, and its model when there is one.

    Args:
        settings: Everything that can be chosen.
        now: The time, in UTC.
        weather: Finds the weather; the table in memory when left out, with the faults that the settings plant.
    """
    draining = Draining(settings.drain_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        draining.watch_signals()
        watch.start()
        yield
        watch.stop()
        # Telemetry is flushed after this, so what the shadow records now still arrives.
        rest = settings.drain_seconds + settings.grace_seconds() - draining.seconds_since()
        await run_sync(shadowing.finish, max(_SHORTEST_SHADOW_SECONDS, rest))

    app = create_base(
        "Sightglass ML API",
        settings,
        process=SERVICE_NAME,
        version=VERSION,
        max_body_bytes=settings.max_body_bytes,
        policy=POLICY,
        links={
            "OpenAPI document": "/openapi.json",
            "Models and their cards": "/v1/models",
            "Readiness": "/readyz",
            "Monitoring API": settings.monitoring_api_url,
            "Dashboard": settings.dashboard_url,
        },
        lifespan=lifespan,
    )
    # Probes are not traffic: they would show as requests without predictions.
    telemetry = instrument(app, service_name=SERVICE_NAME, excluded_urls="/healthz$,/readyz$")
    shadowing = Shadowing(telemetry.tracer, telemetry.meter, most_rows=settings.shadow_queue_rows)
    serving = Serving(settings.models_folder(), settings.model_name, shadow_taken=shadowing.take)
    # Without a model the log says so, and /readyz says it too until there is one.
    serving.look()
    watch = StoreWatch(serving.look)
    app.include_router(
        build_prediction_router(
            serving,
            telemetry.tracer,
            limits=settings.limits(),
            weather=weather or _weather_lookup(settings),
            shadow=lambda: shadowing.lane,
        )
    )
    app.include_router(build_router(serving, now, draining))
    app.include_router(build_model_router(serving))
    show_active_version(app, serving)
    return app


def _weather_lookup(settings: MlApiSettings) -> WeatherLookup:
    table = TableLookup()
    return table if settings.faults_file is None else FaultyLookup(table, FaultsFile(settings.faults_file))


def create_app_from_environment() -> FastAPI:
    """What each worker process runs."""
    configure_logging(SERVICE_NAME)
    return create_app(MlApiSettings())
