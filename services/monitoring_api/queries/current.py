"""A metric now: over one window that ends at a given time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import Filter
from services.monitoring_api.queries.history import plan_for, settled
from services.monitoring_api.queries.measurement import Measurement
from services.monitoring_api.queries.plan import MINUTE_SECONDS, raw_only
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import watermark

MOST_GROUPS: Final = 1000
# A window this short is quick to read raw, and its percentiles are then exact.
_RAW_SECONDS: Final = 900
# A pipeline in good health is this far behind at most: processes export every 10 s, and then it travels.
_USUAL_DELAY_SECONDS: Final = 30


async def measure(
    database: Database,
    metric: str,
    *,
    window: timedelta,
    now: datetime,
    filters: Sequence[Filter] = (),
    group_by: Sequence[str] = (),
) -> list[Measurement]:
    """Measure a metric over ``[now - window, now)``.

    A measurement is incomplete when what should have arrived by now has not: the pipeline is more than 30 s behind.
    When nothing is known of that, because no process ever sent a heartbeat, it passes for complete.

    Without grouping there is exactly one measurement (its value None or 0 when nothing was found); with grouping one
    for each group seen, at most 1,000.

    Args:
        database: Where to ask.
        metric: A name of the catalogue.
        window: How long.
        now: When it ends.
        filters: Conditions, and-ed.
        group_by: Dimensions to tell apart.

    Raises:
        BadInput: When the metric or a dimension is unknown.
        DatabaseUnavailable: When ClickHouse can't be reached.
        DatabaseTooSlow: When it does not answer in time.
    """
    end_ns = epoch_ns(now)
    span = TimeRange(end_ns - window // timedelta(microseconds=1) * 1000, end_ns)
    question = ask(find_metric(metric), span, group_by=group_by, filters=filters)
    until = await watermark(database, now)
    complete = until is None or until >= end_ns - _USUAL_DELAY_SECONDS * NANOSECONDS
    judged = settled(question, now)
    rows: list[SeriesRow] = []
    if judged is not None:
        chosen = raw_only(judged.span)
        if judged.span.seconds > _RAW_SECONDS:
            chosen = await plan_for(database, judged, MINUTE_SECONDS)
        found = await database.fetch(series_query(judged, chosen, None, most_rows=MOST_GROUPS))
        rows = [SeriesRow.of(row) for row in found]
    if not rows and not group_by:
        return [Measurement({}, question.metric.empty, 0, complete)]
    return [
        Measurement(
            dict(zip(group_by, row.group, strict=True)),
            question.metric.of(row.value, row.base, seconds=span.seconds),
            int(row.base),
            complete,
        )
        for row in rows
    ]
