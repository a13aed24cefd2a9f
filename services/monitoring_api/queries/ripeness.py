"""Whether figures that rest on labels may be judged yet: a window's, and up to when those of a range may."""

from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.filters import Operator
from services.monitoring_api.queries.maturity import Maturity, maturity
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS

_MODEL: Final = "model"
_MOST_MODELS: Final = 50
_MODELS: Final = f"""SELECT DISTINCT ModelName
FROM predictions_data
WHERE Timestamp >= fromUnixTimestamp64Nano({{from_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{to_ns:Int64}}, 'UTC')
    AND {REAL}
ORDER BY ModelName
LIMIT {_MOST_MODELS}"""  # noqa: S608  (constants of ours)


async def window_maturity(database: Database, question: Question, now_ns: int, curves: SharedCurves) -> Maturity | None:
    """Whether the labels of a window have come, for all models that it is about; None where no label is needed.

    Of several models the first that is not mature is told.

    Args:
        database: Where to ask.
        question: What is asked, and the window.
        now_ns: The time.
        curves: How labels of each model come.
    """
    if not question.metric.needs_labels:
        return None
    told: Maturity | None = None
    for model in await _models(database, question):
        curve = (await curves(database, model, now_ns)).curve
        told = maturity(curve, [(question.span, 1)], now_ns)
        if not told.mature:
            return told
    return told


async def mature_until(database: Database, question: Question, now_ns: int, curves: SharedCurves) -> int | None:
    """Up to when predictions were made whose labels have come, 95 % of those that ever do; within the range.

    None where no label is needed, or where it is not known how labels come.
    """
    if not question.metric.needs_labels:
        return None
    until = question.span.end_ns
    for model in await _models(database, question):
        curve = (await curves(database, model, now_ns, as_of_ns=question.as_of_ns)).curve
        if curve is None or not curve.is_settled:
            return None
        until = min(until, now_ns - round(curve.mature_seconds * NANOSECONDS))
    return max(question.span.start_ns, until)


async def _models(database: Database, question: Question) -> list[str]:
    """The models that a question is about."""
    for dimension, condition in question.conditions:
        if dimension.name == _MODEL and condition.operator in {Operator.EQUAL, Operator.IN}:
            return list(condition.values)
    span = {"from_ns": question.span.start_ns, "to_ns": question.span.end_ns}
    return [str(row[0]) for row in await database.fetch(Query(_MODELS, span))]
