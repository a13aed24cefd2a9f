"""The monitoring API's application."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import httpx
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from services.monitoring_api.access import POLICY
from services.monitoring_api.cache_instruments import observe_caches
from services.monitoring_api.database import ClickHouseDatabase, Database
from services.monitoring_api.database.instruments import DatabaseInstruments
from services.monitoring_api.database.slow_statements import SlowStatements
from services.monitoring_api.ml_api import MlApi
from services.monitoring_api.operating.alert_timeline import KnownTimeline
from services.monitoring_api.operating.alerts import StoredAlerts
from services.monitoring_api.operating.audit_trail import AuditTrails
from services.monitoring_api.operating.channels import StoredChannels
from services.monitoring_api.operating.files import NotificationsPlace
from services.monitoring_api.operating.mails import CaughtMails
from services.monitoring_api.operating.markers import KnownMarkers
from services.monitoring_api.operating.notifications import StoredNotifications
from services.monitoring_api.operating.rules import StoredRules
from services.monitoring_api.operating.silences import StoredSilences
from services.monitoring_api.operating.store import AlertStore
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.bucket_cache import BucketCache, MemoryBuckets
from services.monitoring_api.queries.cache_tally import CacheTally
from services.monitoring_api.queries.redis_buckets import RedisBuckets
from services.monitoring_api.queries.store_identity import StoreIdentity
from services.monitoring_api.queries.watermark import SharedWatermark
from services.monitoring_api.routes.alert_timeline import alert_timeline_router
from services.monitoring_api.routes.alerts import alerts_router
from services.monitoring_api.routes.asking_route import NamesRoute
from services.monitoring_api.routes.audit import audit_router
from services.monitoring_api.routes.caller import caller_router
from services.monitoring_api.routes.channels import channels_router
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.etags import ETags
from services.monitoring_api.routes.exceptions import exceptions_router
from services.monitoring_api.routes.explain import explain_router
from services.monitoring_api.routes.history import history_router
from services.monitoring_api.routes.linked import linked_router
from services.monitoring_api.routes.logs import logs_router
from services.monitoring_api.routes.mails import mails_router
from services.monitoring_api.routes.markers import markers_router
from services.monitoring_api.routes.metrics import metrics_router
from services.monitoring_api.routes.model_reference import model_reference_router
from services.monitoring_api.routes.models import models_router
from services.monitoring_api.routes.notifications import notifications_router
from services.monitoring_api.routes.performance import performance_router
from services.monitoring_api.routes.pipeline import pipeline_router
from services.monitoring_api.routes.predictions import predictions_router
from services.monitoring_api.routes.readiness import readiness_router
from services.monitoring_api.routes.records import records_router
from services.monitoring_api.routes.rules import rules_router
from services.monitoring_api.routes.service_map import service_map_router
from services.monitoring_api.routes.shared_answers import KeptAnswers, SharedAnswers
from services.monitoring_api.routes.silences import silences_router
from services.monitoring_api.routes.spans import spans_router
from services.monitoring_api.routes.traces import traces_router
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.application import create_base
from sightglass.telemetry import current

SERVICE_NAME: Final = "monitoring-api"
_CLIENT_NAME: Final = "sightglass-monitoring-api"
# The rest of a route's deadline is for making the answer, also when that is 'too slow'.
_DEADLINE_FOR_OTHERS = 0.95
# Of the cache's bytes this part is for whole answers, besides the finished buckets that answers are made of.
_ANSWERS_PART = 4


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: MonitoringApiSettings,
    *,
    database: Database | None = None,
    ml_api_transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], datetime] = _now,
) -> FastAPI:
    """Build the application; nothing is connected before the first question.

    Args:
        settings: Everything that can be chosen.
        database: Instead of the ClickHouse of the settings.
        ml_api_transport: Instead of the network, towards the ML API.
        clock: The time, aware.
    """
    alert_store = AlertStore(settings.store_url())
    asked = _clickhouse(settings) if database is None else database
    place = settings.cache_place()
    buckets: BucketCache = (
        MemoryBuckets(settings.cache_bytes) if place is None else RedisBuckets(place, StoreIdentity(asked))
    )
    ml_api = MlApi(
        settings.ml_api_url,
        deadline_seconds=settings.deadline_seconds * _DEADLINE_FOR_OTHERS,
        ca_file=settings.tls_ca_file,
        transport=ml_api_transport,
    )

    answers = SharedAnswers(settings.cache_bytes // _ANSWERS_PART, settings.answer_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        _observe(asked, {"buckets": buckets.tally, "answers": answers.tally})
        yield
        await buckets.close()
        await asked.close()
        await alert_store.close()
        await ml_api.close()

    app = create_base(
        "Sightglass monitoring API",
        settings,
        process=SERVICE_NAME,
        version=_version(),
        max_body_bytes=settings.max_body_bytes,
        policy=POLICY,
        links={
            "API description (OpenAPI)": "/openapi.json",
            "Metrics": "/api/v1/metrics",
            "Pipeline health": "/api/v1/pipeline/health",
            "Alerts": "/api/v1/alerts",
            "Dashboard": settings.dashboard_url,
            "ML API": settings.ml_api_url,
        },
        requests_at_once=settings.requests_at_once(),
        lifespan=lifespan,
    )
    serving = Serving(
        asked,
        settings.deadline_seconds * _DEADLINE_FOR_OTHERS,
        settings.exact_deadline_seconds * _DEADLINE_FOR_OTHERS,
        clock,
        buckets=buckets,
        answers=answers,
        arrived=SharedWatermark(settings.answer_seconds),
        curves=SharedCurves(),
    )
    api = APIRouter(prefix="/api/v1")
    for router in (
        metrics_router(serving),
        history_router(serving),
        markers_router(KnownMarkers(serving.asking, alert_store, settings.audit_folder(), clock=clock)),
        explain_router(serving),
        traces_router(serving),
        exceptions_router(serving),
        records_router(serving),
        linked_router(serving),
        spans_router(serving),
        predictions_router(serving),
        logs_router(serving),
        pipeline_router(serving),
        service_map_router(serving),
        audit_router(AuditTrails(settings.audit_folder())),
        *_operating(settings, alert_store, lambda: clock().timestamp()),
        rules_router(
            StoredRules(alert_store, serving.asking_exactly, serving.curves, clock=lambda: clock().timestamp())
        ),
        models_router(serving, ml_api),
        performance_router(serving),
        model_reference_router(serving),
        caller_router(),
    ):
        api.include_router(router)
    # Innermost: within the gate, which decides who is answered at all.
    app.user_middleware.append(Middleware(KeptAnswers, answers=answers))
    app.add_middleware(ETags)
    app.add_middleware(NamesRoute)
    app.include_router(api)
    app.include_router(readiness_router(serving))
    return app


def _operating(settings: MonitoringApiSettings, store: AlertStore, clock: Callable[[], float]) -> tuple[APIRouter, ...]:
    """What people see of alerts and do about them."""
    place = NotificationsPlace(settings.notifications_file)
    return (
        alerts_router(StoredAlerts(store, place, dashboard_url=settings.dashboard_url, clock=clock)),
        alert_timeline_router(KnownTimeline(store, clock=clock)),
        silences_router(StoredSilences(store, clock=clock)),
        channels_router(StoredChannels(store, place)),
        notifications_router(StoredNotifications(store, clock=clock)),
        mails_router(CaughtMails(settings.data_dir)),
    )


def _clickhouse(settings: MonitoringApiSettings) -> ClickHouseDatabase:
    connection = settings.connection(_CLIENT_NAME)
    return ClickHouseDatabase(connection, watchers=[SlowStatements(settings.slow_query_seconds)])


def _observe(database: Database, caches: Mapping[str, CacheTally]) -> None:
    """Measure from now on; the lifespan begins after telemetry was started, where it is."""
    telemetry = current()
    if telemetry is None:
        return
    meter = telemetry.meter_provider.get_meter("services.monitoring_api")
    observe_caches(meter, caches)
    if isinstance(database, ClickHouseDatabase):
        database.watched_by(DatabaseInstruments(meter, database.places, _CLIENT_NAME))


def _version() -> str:
    try:
        return version("sightglass-ml")
    except PackageNotFoundError:
        return "0"
