"""One pass: closed dirty minutes are computed from deduplicated raw rows and replace what was there.

Raw rows are visible before their mark, and marks are read before raw rows: whatever a mark that was read stands for
is in the computation, and rows that come in the meantime bring marks of their own. The marks are deleted last, so
readers take a minute's raw rows until its rollup is whole; a crash anywhere leaves marks, and the minute is computed
again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.marks import clock_query, delete_query, marks_query, read_marks
from services.monitoring_api.maintenance.rollups import Recomputation
from services.monitoring_api.queries.plan import MINUTE_SECONDS

# Raw rows near the end of their life may be half gone; a minute is left alone from here on.
_RETENTION_MARGIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did.

    Args:
        minutes: How many minutes were computed.
        marks: How many marks were worked off.
        too_late: How many of the marks were for minutes whose raw rows are no longer whole; their rollup stays.
    """

    minutes: int
    marks: int
    too_late: int


async def recompute(
    database: Database,
    what: Recomputation,
    *,
    now: datetime,
    settle: timedelta,
    raw_kept: timedelta,
    most_marks: int,
) -> Pass:
    """Work off dirty minutes of one rollup, the youngest first.

    Args:
        database: Where, as a user who may write.
        what: Which rollup.
        now: The time.
        settle: How long after its end a minute counts as closed.
        raw_kept: How long raw rows live.
        most_marks: Most marks to work off.
    """
    closed_before = int((now - settle).timestamp()) - MINUTE_SECONDS + 1
    kind = what.rollup.kind
    rows = await database.fetch(marks_query(kind, closed_before=closed_before, most=most_marks))
    marks = read_marks(rows)
    if not marks:
        return Pass(0, 0, 0)
    whole_from = (now - raw_kept + _RETENTION_MARGIN).timestamp()
    minutes = sorted({mark.minute for mark in marks if mark.minute >= whole_from})
    if minutes:
        await _replace(database, what, minutes)
    await database.execute(delete_query(kind, marks))
    return Pass(len(minutes), len(marks), sum(mark.minute < whole_from for mark in marks))


async def _replace(database: Database, what: Recomputation, minutes: list[int]) -> None:
    ((computed_us,),) = await database.fetch(clock_query())
    await database.execute(what.compute_query(minutes, int(computed_us)))
    ((leftovers,),) = await database.fetch(what.leftovers_query(minutes, int(computed_us)))
    if int(leftovers):
        await database.execute(what.clear_query(minutes, int(computed_us)))
