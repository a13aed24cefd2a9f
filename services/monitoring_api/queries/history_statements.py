"""The statements behind a metric's history, told instead of run."""

from dataclasses import dataclass
from datetime import datetime

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.buckets import MOST_POINTS, Buckets
from services.monitoring_api.queries.history import settled
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.series import series_query


@dataclass(frozen=True, slots=True)
class ToldStatement:
    """A statement and what it rests on.

    Args:
        query: The statement with its values.
        source: Where it reads: ``raw``, ``joined``, a rollup or ``mixed``.
    """

    query: Query
    source: str


async def history_statement(
    database: Database, question: Question, buckets: Buckets, *, now: datetime
) -> ToldStatement | None:
    """What `history` runs for a question when nothing of its answer is kept; None when nothing of the range is judged.

    With more groups than have a series of their own, and figures that are no sums, it runs the same once more with
    these named; where histograms turn out too coarse, once more from rows.

    Args:
        database: Where to ask which buckets are finished.
        question: What is asked.
        buckets: How its range is cut.
        now: The time.
    """
    judged = settled(question, now)
    if judged is None:
        return None
    reading = await prepare(database, judged, buckets)
    if not reading.plan.is_exact:
        judged = judged.bounding()
    finished = reading.dirty is not None and not reading.dirty.unfinished
    query = series_query(judged, reading.plan, buckets, most_rows=MOST_POINTS + 1, finished=finished)
    return ToldStatement(query, reading.plan.source(question.metric.source.rollup))
