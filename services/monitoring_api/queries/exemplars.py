"""A few traces that show what a metric's figure was made of."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.monitoring_api.database import Query
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import Filter
from services.monitoring_api.queries.pieces import in_raw
from services.monitoring_api.queries.question import ask, condition_sql, condition_value
from services.monitoring_api.queries.slow_requests import threshold_ms
from services.monitoring_api.queries.sources import COMPLETENESS, ERRORS, OUTCOMES, SECONDS_TO_ARRIVE
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

MOST: Final = 5
# Traces are looked for in the last part of a long window, where what is wrong is still going on.
_LONGEST_NS: Final = 3_600 * NANOSECONDS
_SLOWEST: Final = "Duration DESC"
_LATEST: Final = "Timestamp DESC"
# Which rows show a metric best, and which of them first; of others the latest are taken.
_SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "error_ratio": (ERRORS, _LATEST),
    "latency_p50": ("1", _SLOWEST),
    "latency_p95": ("1", _SLOWEST),
    "latency_p99": ("1", _SLOWEST),
    "concurrency_mean": ("1", _SLOWEST),
    "positive_ratio": ("Positive", _LATEST),
    "fallback_ratio": ("FeaturesSource = 'fallback'", _LATEST),
    "ingest_lag_p95": ("1", f"{SECONDS_TO_ARRIVE} DESC"),
}


def exemplars_query(
    metric: str, span: TimeRange, *, group_by: Sequence[str], filters: Sequence[Filter]
) -> Query | None:
    """The ids of a few traces behind a figure, those that show it best first; None where rows have no traces.

    Args:
        metric: A name of the catalogue.
        span: The figure's window; its last hour is looked at.
        group_by: The dimensions that the figure's group is one of.
        filters: Conditions, and-ed, the group's own among them.

    Raises:
        BadInput: When the metric or a dimension is unknown.
    """
    question = ask(find_metric(metric), span, group_by=group_by, filters=filters)
    source = question.metric.source
    if source.name == COMPLETENESS.name:
        return None
    # Rows that are counted once elsewhere may come twice here: what matters is the trace. Labels need no joining.
    rows = "predictions" if source.name == OUTCOMES.name else source.rows.removesuffix(" FINAL")
    slow = threshold_ms(metric)
    shown, order = _SHOWN.get(metric, ("1", _LATEST)) if slow is None else (f"Duration > {slow * 1_000_000}", _SLOWEST)
    piece = TimeRange(max(span.start_ns, span.end_ns - _LONGEST_NS), span.end_ns)
    conditions = [
        in_raw((piece,), source.time, source.minute),
        *source.where,
        "TraceId != ''",
        f"({shown})",
        *(
            condition_sql(dimension.raw, condition, f"filter_{number}")
            for number, (dimension, condition) in enumerate(question.conditions)
        ),
    ]
    where = "\n    AND ".join(conditions)
    # Texts of ours; what people give is bound.
    sql = f"""SELECT TraceId
FROM {rows}
WHERE {where}
ORDER BY {order}
LIMIT 1 BY TraceId
LIMIT {{most:UInt64}}"""  # noqa: S608
    values: dict[str, Any] = {
        f"filter_{number}": condition_value(condition) for number, (_, condition) in enumerate(question.conditions)
    }
    return Query(sql, {"raw_0_from": piece.start_ns, "raw_0_to": piece.end_ns, "most": MOST, **values})
