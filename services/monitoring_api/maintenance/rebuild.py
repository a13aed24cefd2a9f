"""Computes the rollups of a range anew, while data goes on arriving."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.maintenance.horizon import whole_from
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import (
    OUTCOMES_1D,
    OUTCOMES_15M,
    PREDICTIONS_1M,
    PREDICTIONS_15M,
    REQUESTS_1M,
    REQUESTS_15M,
    Tier,
)
from services.monitoring_api.maintenance.score_bins import keep_bins
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns

_AT_ONCE: Final = 500
# A minute that is only in the rollup is computed too, so that it goes.
_MARK: Final = """INSERT INTO rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), {{kind:String}}, Minute
FROM
(
    SELECT DISTINCT {minute} AS Minute
    FROM {raw}
    WHERE Timestamp >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
    UNION DISTINCT
    SELECT DISTINCT Minute
    FROM {rollup}
    WHERE Minute >= fromUnixTimestamp64Nano({{start_ns:Int64}}, 'UTC')
        AND Minute < fromUnixTimestamp64Nano({{end_ns:Int64}}, 'UTC')
)"""
_LEFT: Final = "SELECT count() FROM rollup_dirty WHERE Kind IN {kinds:Array(String)}"


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """A source's tiers, and where its rows are.

    Args:
        minutes: Its minutes.
        quarters: Its quarters of an hour.
        mark: SQL that marks a range's minutes.
        raw_kept: How long its rows live.
        of_outcomes: Whether what became of them is summed up too.
    """

    minutes: Tier
    quarters: Tier
    mark: str
    raw_kept: timedelta
    of_outcomes: bool = False


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was done.

    Args:
        minutes: How many minutes were computed, those of others included that were dirty anyway.
        quarters: How many quarters of an hour.
        days: How many days.
        from_ns: Since when: rows before are not whole any more, and their rollup stays.
    """

    minutes: int
    quarters: int
    days: int
    from_ns: int


def rebuildings(raw_days: int, kept_days: int) -> tuple[Rebuilding, ...]:
    """Requests and predictions, with how long their rows live."""
    requests = _MARK.format(minute="Minute", raw="otel_traces", rollup="rollup_requests_1m")
    predictions = _MARK.format(
        minute="toStartOfMinute(toDateTime(Timestamp, 'UTC'))", raw="predictions_data", rollup="rollup_predictions_1m"
    )
    return (
        Rebuilding(REQUESTS_1M, REQUESTS_15M, requests, timedelta(days=raw_days)),
        Rebuilding(PREDICTIONS_1M, PREDICTIONS_15M, predictions, timedelta(days=kept_days), of_outcomes=True),
    )


async def rebuild(
    database: Database,
    what: Rebuilding,
    span: TimeRange,
    *,
    now: datetime,
    kept: timedelta,
    progress: Callable[[int], None] = lambda _: None,
) -> Rebuilt:
    """Mark every minute of a range and work the marks off, as the maintenance process does; both may do so at once.

    Args:
        database: Where, as a user who may write.
        what: Which source.
        span: The range.
        now: The time; minutes that are still open are left to the maintenance process.
        kept: How long minutes live, which quarters are made of.
        progress: Is told how many marks are left.
    """
    since = await whole_from(database, what.minutes.made_of, now=now, kept=what.raw_kept)
    start_ns = max(span.start_ns, epoch_ns(since))
    if start_ns < span.end_ns:
        kind = what.minutes.kinds[0]
        await database.execute(Query(what.mark, {"kind": kind, "start_ns": start_ns, "end_ns": span.end_ns}))

    async def work_off(tier: Tier, lives: timedelta) -> int:
        computed, marks = 0, 1
        while marks:
            ((left,),) = await database.fetch(Query(_LEFT, {"kinds": list(tier.kinds)}))
            progress(int(left))
            each = await recompute(database, tier, now=now, settle=timedelta(0), kept=lives, most_marks=_AT_ONCE)
            computed, marks = computed + each.buckets, each.marks
        return computed

    minutes = await work_off(what.minutes, what.raw_kept)
    quarters = await work_off(what.quarters, kept)
    days = 0
    if what.of_outcomes:
        await work_off(OUTCOMES_15M, what.raw_kept)
        await keep_bins(database)
        days = await work_off(OUTCOMES_1D, what.raw_kept)
    return Rebuilt(minutes, quarters, days, start_ns)
