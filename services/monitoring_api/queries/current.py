"""A metric now: over one window that ends at a given time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import Filter
from services.monitoring_api.queries.history import WIDEST_BOUND, Arrived, settled
from services.monitoring_api.queries.measurement import Measurement
from services.monitoring_api.queries.plan import Plan, raw_only
from services.monitoring_api.queries.question import Question, ask
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.ripeness import immature_groups
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import watermark

MOST_GROUPS: Final = 1000
# A window this short is quick to read raw, and its percentiles are then exact.
RAW_SECONDS: Final = 900
# Of a window's end this much may be missing, and never more than this part of the window.
_FORGIVEN_SECONDS: Final = 30
_FORGIVEN_PART: Final = 10


async def measure(
    database: Database,
    metric: str,
    *,
    window: timedelta,
    now: datetime,
    filters: Sequence[Filter] = (),
    group_by: Sequence[str] = (),
    curves: SharedCurves | None = None,
    arrived: Arrived = watermark,
) -> list[Measurement]:
    """Measure a metric over a window that ends now.

    A measurement is incomplete when more than a tenth of the window, or more than 30 s of it, has not arrived.
    When nothing is known of that, because no process ever sent a heartbeat, it passes for complete.

    Without grouping there is exactly one measurement (its value None or 0 when nothing was found); with grouping one
    for each group seen, at most 1,000.

    Args:
        database: Where to ask.
        metric: A name of the catalogue.
        window: How long.
        now: The time.
        filters: Conditions, and-ed.
        group_by: Dimensions to tell apart.
        curves: How labels come; without it nothing tells whether they have.
        arrived: Tells up to when telemetry has arrived.

    Raises:
        BadInput: When the metric or a dimension is unknown.
        DatabaseUnavailable: When ClickHouse can't be reached.
        DatabaseTooSlow: When it does not answer in time.
    """
    asked = find_metric(metric)
    until = (await arrived(database, now)).about(asked.source).of(filters)
    end_ns = epoch_ns(now)
    window_ns = window // timedelta(microseconds=1) * 1000
    span = TimeRange(end_ns - window_ns, end_ns)
    question = ask(asked, span, group_by=group_by, filters=filters)
    forgiven_ns = min(_FORGIVEN_SECONDS * NANOSECONDS, window_ns // _FORGIVEN_PART)
    complete = until is None or until >= end_ns - forgiven_ns
    complete_until = None if until is None else max(span.start_ns, min(until, span.end_ns))
    judged = settled(question, now)
    rows: list[SeriesRow] = []
    if judged is not None:
        chosen = raw_only(judged.span)
        if judged.span.seconds > RAW_SECONDS:
            chosen = (await prepare(database, judged, None)).plan
        rows = await _read(database, judged, chosen)
    if not rows and not group_by:
        return [Measurement({}, question.metric.empty, 0, complete, complete_until)]
    immature = {} if curves is None else await immature_groups(database, question, epoch_ns(now), curves)
    return [
        Measurement(
            dict(zip(group_by, row.group, strict=True)),
            question.metric.of(row.value, row.base, seconds=span.seconds),
            int(row.base),
            complete,
            complete_until,
            immature.get(row.group),
        )
        for row in rows
    ]


async def _read(database: Database, question: Question, plan: Plan) -> list[SeriesRow]:
    """One row for each group; from rows where histograms are too coarse."""
    asked = question if plan.is_exact else question.bounding()
    found = await database.fetch(series_query(asked, plan, None, most_rows=MOST_GROUPS))
    rows, *bounds = SeriesRow.all_of(found, len(asked.metrics))
    if any(row.value is not None and row.value > WIDEST_BOUND for each in bounds for row in each):
        found = await database.fetch(series_query(question, plan.of_rows_only(), None, most_rows=MOST_GROUPS))
        (rows,) = SeriesRow.all_of(found)
    return rows
