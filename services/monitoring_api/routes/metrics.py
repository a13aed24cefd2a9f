"""Metrics: which there are, what they are now, and what they were."""

from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.catalogue import described, find_metric
from services.monitoring_api.queries.current import MOST_GROUPS, measure
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns, parse_seconds, rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.parameters import CurrentParameters, split_names

_LONGEST_WINDOW_SECONDS: Final = 31 * 86_400

_CURRENT: Final = (
    "`complete_until` is up to where telemetry has arrived (null: nothing is known of that). `complete` is false when "
    "a tenth of the window or more than 30 s of it is yet to come; value and count are then of a part."
)


def metrics_router(serving: Serving) -> APIRouter:
    """/metrics and /metrics/current."""
    router = APIRouter(prefix="/metrics", tags=["metrics"])

    @router.get("", summary="Every metric there is")
    async def list_metrics() -> dict[str, Any]:
        return {"metrics": described()}

    @router.get("/current", summary="A metric over a window that ends now", description=_CURRENT)
    async def current(parameters: Annotated[CurrentParameters, Query()]) -> dict[str, Any]:
        metric = find_metric(parameters.metric)
        seconds = parse_seconds(parameters.window, field="window")
        if seconds > _LONGEST_WINDOW_SECONDS:
            raise bad_field("window", "longer than 31 days")
        now = serving.clock()
        groups = split_names(parameters.group_by)
        filters = parse_filters(parameters.filter)
        database = serving.asking()
        window = timedelta(seconds=seconds)
        ask = partial(measure, database, metric.name, window=window, now=now, filters=filters, arrived=serving.arrived)
        whole, *_ = await ask(curves=serving.curves)
        series = await ask(group_by=groups) if groups else [whole]
        return {
            "metric": metric.name,
            "unit": metric.unit,
            "window_seconds": seconds,
            "from": rfc3339(epoch_ns(now) - seconds * NANOSECONDS),
            "to": rfc3339(epoch_ns(now)),
            "value": whole.value,
            "count": whole.count,
            "complete": whole.complete,
            **({"immature": whole.immature} if metric.needs_labels else {}),
            "complete_until": None if whole.complete_until_ns is None else rfc3339(whole.complete_until_ns),
            "truncated": len(series) >= MOST_GROUPS,
            "series": [{"labels": dict(each.labels), "value": each.value, "count": each.count} for each in series],
        }

    return router
