"""Metrics: which there are, what they are now, and what they were."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from services.monitoring_api.errors import bad_field, not_available_yet
from services.monitoring_api.queries.buckets import choose_step, parse_tz
from services.monitoring_api.queries.catalogue import described, find_metric
from services.monitoring_api.queries.current import MOST_GROUPS, measure
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.queries.history import history
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns, parse_range, parse_seconds, rfc3339
from services.monitoring_api.routes.dependencies import Serving
from services.monitoring_api.routes.parameters import CurrentParameters, HistoryParameters, split_names

_LONGEST_WINDOW_SECONDS: Final = 31 * 86_400

_CURRENT: Final = (
    "`complete_until` is up to where telemetry has arrived (null: nothing is known of that). `complete` is false when "
    "a tenth of the window or more than 30 s of it is yet to come; value and count are then of a part."
)


def metrics_router(serving: Serving) -> APIRouter:
    """/metrics, /metrics/current and /metrics/history."""
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
        whole, *_ = await measure(database, metric.name, window=window, now=now, filters=filters)
        series = [whole]
        if groups:
            series = await measure(database, metric.name, window=window, now=now, filters=filters, group_by=groups)
        return {
            "metric": metric.name,
            "unit": metric.unit,
            "window_seconds": seconds,
            "from": rfc3339(epoch_ns(now) - seconds * NANOSECONDS),
            "to": rfc3339(epoch_ns(now)),
            "value": whole.value,
            "count": whole.count,
            "complete": whole.complete,
            "complete_until": None if whole.complete_until_ns is None else rfc3339(whole.complete_until_ns),
            "truncated": len(series) >= MOST_GROUPS,
            "series": [{"labels": dict(each.labels), "value": each.value, "count": each.count} for each in series],
        }

    @router.get("/history", summary="A metric over time")
    async def metric_history(parameters: Annotated[HistoryParameters, Query()]) -> dict[str, Any]:
        _check_available(parameters)
        metric = find_metric(parameters.metric)
        now = serving.clock()
        span = parse_range(parameters.start, parameters.end, now=now)
        buckets = choose_step(parameters.step, span, parse_tz(parameters.tz))
        question = ask(
            metric, span, group_by=split_names(parameters.group_by), filters=parse_filters(parameters.filter)
        )
        answer = await history(serving.asking(), question, buckets, now=now)
        until = answer.complete_until_ns
        return {
            "metric": metric.name,
            "unit": metric.unit,
            "from": rfc3339(span.start_ns),
            "to": rfc3339(span.end_ns),
            "step_seconds": buckets.step.seconds,
            "source": answer.source,
            "complete": until is not None and until >= span.end_ns,
            "complete_until": None if until is None else rfc3339(until),
            "approximate": answer.error_bound > 0,
            "error_bound": answer.error_bound,
            "series": [{"labels": dict(each.labels), "points": each.points} for each in answer.series],
        }

    return router


def _check_available(parameters: HistoryParameters) -> None:
    if parameters.compare not in {None, "none"}:
        raise not_available_yet("compare")
    if parameters.top is not None:
        raise not_available_yet("top")
    if parameters.as_of is not None:
        raise not_available_yet("as_of")
