"""Answers are checked before anything is timed: counts are equal, percentiles within their bound."""

from datetime import datetime

from benchmarks.history.arms import Arm
from benchmarks.history.panels import PANELS, Panel, Points, span_of
from services.monitoring_api.database import Database
from services.monitoring_api.queries.timerange import TimeRange
from services.monitoring_api.queries.watermark import SharedWatermark

# DDSketch's bound is 1 % of a value at its rank; the rest is for decimals.
_BOUND = 0.0101
_DURATIONS = """SELECT toUnixTimestamp(toStartOfMinute(Timestamp)) AS At, {group} AS Group,
    arraySort(groupArray(Duration / 1e9))
FROM otel_traces
WHERE SpanKind = 'Server' AND Timestamp >= {{start:DateTime64(9)}} AND Timestamp < {{end:DateTime64(9)}}
GROUP BY At, Group"""
_GROUPS = {
    "route": "SpanAttributes['http.route']",
    "status_class": "concat(substring(SpanAttributes['http.response.status_code'], 1, 1), 'xx')",
}


async def check(default: Arm, database: Database, now: datetime) -> None:
    """Refuse to time answers that are not right.

    Raises:
        RuntimeError: A rate differs, or a percentile is outside its bound.
    """
    for panel in PANELS:
        span = span_of(panel, now)
        found = await panel.ask_ours(database, span, now, SharedWatermark(1.0))
        if not panel.by:
            (wanted,), (given,) = panel.ask_default(default.reader, span), found
            given = {key: value for key, value in given.items() if value}
            if given.keys() != wanted.keys() or any(abs(given[key] - wanted[key]) > 1e-9 for key in wanted):
                raise RuntimeError(f"{panel.name}: the counts differ")
        else:
            _check_percentiles(panel, default, span, found)


def _check_percentiles(panel: Panel, default: Arm, span: TimeRange, found: list[Points]) -> None:
    bounds = {name: f"{at / 1e9:.9f}" for name, at in (("start", span.start_ns), ("end", span.end_ns))}
    sql = _DURATIONS.format(group=_GROUPS[panel.by[0]])
    took = {(group, at): lasted for at, group, lasted in default.reader.query(sql, parameters=bounds).result_rows}
    for metric, points in zip(panel.metrics, found, strict=True):
        level = int(metric.rsplit("p", 1)[1]) / 100
        if points.keys() != took.keys():
            raise RuntimeError(f"{panel.name}: {len(points)} points instead of {len(took)}")
        for key, value in points.items():
            lasted = took[key]
            rank = level * (len(lasted) - 1)
            low, high = lasted[int(rank)], lasted[min(int(rank) + 1, len(lasted) - 1)]
            if not low * (1 - _BOUND) <= value <= high * (1 + _BOUND):
                raise RuntimeError(f"{panel.name}: {metric} of {key} is {value}, not within {low} and {high}")
