"""One pass: closed dirty minutes are computed from deduplicated raw rows and replace what was there.

Raw rows are visible before their mark, and marks are read before raw rows: whatever a mark that was read stands for
is in the computation, and rows that come in the meantime bring marks of their own. The marks are deleted last, so
readers take a minute's raw rows until its rollup is whole; a crash anywhere leaves marks, and the minute is computed
again. A minute's quarter of an hour is marked before the minute's own marks go, and is computed from minutes once it is
over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.horizon import whole_from
from services.monitoring_api.maintenance.marks import clock_query, delete_query, marks_query, read_marks, set_query
from services.monitoring_api.maintenance.rollups import Tier


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did.

    Args:
        buckets: How many buckets were computed.
        marks: How many marks were worked off.
        too_late: How many of the marks were for buckets of which what they are computed from is no longer whole; these
            stay as they are.
    """

    buckets: int
    marks: int
    too_late: int


async def recompute(
    database: Database,
    tier: Tier,
    *,
    now: datetime,
    settle: timedelta,
    kept: timedelta,
    most_marks: int,
) -> Pass:
    """Work off dirty buckets of one tier, the youngest first.

    Args:
        database: Where, as a user who may write.
        tier: Which buckets.
        now: The time.
        settle: How long after its end a bucket counts as closed.
        kept: How long that lives which they are computed from.
        most_marks: Most marks to work off.
    """
    closed_before = int((now - settle).timestamp()) - tier.seconds + 1
    rows = await database.fetch(marks_query(tier.kinds, closed_before=closed_before, most=most_marks))
    marks = read_marks(rows)
    if not marks:
        return Pass(0, 0, 0)
    since = (await whole_from(database, tier.made_of, now=now, kept=kept)).timestamp()
    buckets = sorted({mark.bucket for mark in marks if mark.bucket >= since})
    if buckets:
        await _replace(database, tier, buckets)
        if tier.next_kind is not None:
            longer = {bucket // tier.next_seconds * tier.next_seconds for bucket in buckets}
            await database.execute(set_query(tier.next_kind, sorted(longer)))
    await database.execute(delete_query(tier.kinds, marks))
    return Pass(len(buckets), len(marks), sum(mark.bucket < since for mark in marks))


async def _replace(database: Database, tier: Tier, buckets: list[int]) -> None:
    ((computed_us,),) = await database.fetch(clock_query())
    for each in tier.computations:
        own = each.within(buckets, tier.seconds)
        await database.execute(each.compute_query(own, int(computed_us)))
        ((leftovers,),) = await database.fetch(each.leftovers_query(own, int(computed_us)))
        if int(leftovers):
            await database.execute(each.clear_query(own, int(computed_us)))
