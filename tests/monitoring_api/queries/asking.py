"""Short ways to ask, for tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.monitoring_api.queries.buckets import choose_step
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import parse_filters
from services.monitoring_api.queries.history import MOST_TOP, History, history
from services.monitoring_api.queries.question import Question, ask
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns


def question(
    metric: str, start: datetime, end: datetime, *, by: Sequence[str] = (), where: Sequence[str] = ()
) -> Question:
    """A question about a range."""
    span = TimeRange(epoch_ns(start), epoch_ns(end))
    return ask(find_metric(metric), span, group_by=by, filters=parse_filters(list(where)))


async def ask_history(
    store,
    metric: str,
    start: datetime,
    end: datetime,
    *,
    step: str = "1m",
    by: Sequence[str] = (),
    where: Sequence[str] = (),
    now: datetime | None = None,
    tz: str = "UTC",
    top: int = MOST_TOP,
    as_of: datetime | None = None,
) -> History:
    """The answer to a question about a range."""
    asked = question(metric, start, end, by=by, where=where)
    if as_of is not None:
        asked = replace(asked, as_of_ns=epoch_ns(as_of))
    buckets = choose_step(step, asked.span, ZoneInfo(tz))
    return await history(store, asked, buckets, now=now or end + timedelta(minutes=1), top=top)


def values(answer: History) -> dict[tuple[str, ...], list[float | None]]:
    """Values by group."""
    return {tuple(series.labels.values()): [value for _, value in series.points] for series in answer.series}
