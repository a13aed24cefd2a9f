"""The walk through raw spans before retention takes them: window by window, the traces to keep are copied.

How far it got is remembered after each window, and copying again changes nothing: a kill costs the work of one window.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.kept_traces import (
    KeepingRules,
    Reason,
    choose_query,
    chosen,
    copy_traces,
)
from services.monitoring_api.maintenance.state import remember
from services.monitoring_api.queries.maintained import TRACES_KEPT_TO, maintained
from services.monitoring_api.queries.pipeline.raw_days import raw_days, raw_days_query

# So long before retention takes it a trace is looked at: its other spans, up to a day older, are still there then.
_LEAD: Final = timedelta(days=2)
# Within a day, and small enough that a statement reads little.
_WINDOW: Final = timedelta(hours=1)


async def keep_traces(
    database: Database,
    rules: KeepingRules,
    *,
    now: datetime,
    before: datetime | None = None,
    most: int,
    unlabelled: bool = True,
) -> int:
    """Copy the traces to keep of all windows that are due; how many there were.

    Args:
        database: Where, as a user who may write.
        rules: Which traces are kept.
        now: The time.
        before: The first moment that is not due; by default what retention takes next.
        most: Most traces copied by one statement.
        unlabelled: Whether those are copied that only wait for a label. Where room is wanted they are not: with a
            prediction in every trace, copies would take what the drop of a day frees.
    """
    due = _hour(now - rules.raw_kept + min(_LEAD, rules.raw_kept / 2) if before is None else before)
    start = await _reached(database)
    kept = 0
    while start is not None and start < due:
        end = min(start + _WINDOW, due)
        waits = unlabelled and rules.until(Reason.UNLABELLED, end) > now
        kept += await _keep_window(database, rules, start, end, with_unlabelled=waits, most=most)
        await remember(database, TRACES_KEPT_TO, int(end.timestamp()))
        start = end
    return kept


async def kept_to(database: Database) -> datetime | None:
    """Up to when traces were looked at; None before the first time."""
    noted = (await maintained(database)).get(TRACES_KEPT_TO)
    return None if noted is None else datetime.fromtimestamp(noted, UTC)


async def _reached(database: Database) -> datetime | None:
    """Where to go on: where the walk stopped, or with the oldest raw span; None where there are no spans."""
    days = [each for each in raw_days(await database.fetch(raw_days_query())) if each.table == "otel_traces"]
    if not days:
        return None
    oldest = datetime.combine(days[0].day, datetime.min.time(), UTC)
    noted = await kept_to(database)
    return oldest if noted is None else max(oldest, noted)


async def _keep_window(
    database: Database, rules: KeepingRules, start: datetime, end: datetime, *, with_unlabelled: bool, most: int
) -> int:
    kept, after = 0, ""
    while True:
        query = choose_query(rules, start, end, with_unlabelled=with_unlabelled, after=after, most=most)
        found = chosen(await database.fetch(query))
        for reason in Reason:
            trace_ids = [each.trace_id for each in found if each.reason is reason]
            if trace_ids:
                until = rules.until(reason, end)
                await copy_traces(database, trace_ids, reason, at=start, until=until)
        kept += len(found)
        if len(found) < most:
            return kept
        after = found[-1].trace_id


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
