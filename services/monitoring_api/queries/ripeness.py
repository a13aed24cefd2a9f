"""Whether figures that rest on labels may be judged yet: a window's, and up to when those of a range may."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.arrivals import Learned, SharedCurves
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import Operator
from services.monitoring_api.queries.maturity import maturity
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.synthetic import REAL
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# How many predictions there are, and how many have a label.
COVERAGE: Final = find_metric("label_coverage")
_MODEL: Final = "model"
_MOST_MODELS: Final = 1_000
_MOST_GROUPS: Final = 1_000
_MODELS: Final = f"""SELECT DISTINCT ModelName
FROM predictions_data
WHERE Timestamp >= fromUnixTimestamp64Nano({{from_ns:Int64}}, 'UTC')
    AND Timestamp < fromUnixTimestamp64Nano({{to_ns:Int64}}, 'UTC')
    AND {REAL}
ORDER BY ModelName
LIMIT {_MOST_MODELS}"""  # noqa: S608  (constants of ours)


async def immature_groups(
    database: Database, question: Question, now_ns: int, curves: SharedCurves
) -> dict[tuple[str, ...], str]:
    """Why the figures of a window's groups are not to be judged yet; those of a group that is left out may be.

    Of a group of several models the first that is not mature decides.

    Args:
        database: Where to ask.
        question: What is asked, and the window.
        now_ns: The time.
        curves: How labels of each model come.
    """
    if not question.metric.needs_labels:
        return {}
    coverage = replace(question, metric=COVERAGE, also=())
    plan = (await prepare(database, coverage, None)).plan
    found = await database.fetch(series_query(coverage, plan, None, most_rows=_MOST_GROUPS))
    (rows,) = SeriesRow.all_of(found)
    counts = {row.group: (int(row.value or 0), int(row.base)) for row in rows}
    return await immature_counts(question, counts, now_ns, partial(curves, database), SeenModels(database))


class SeenModels:
    """The models that made predictions in a range, each range asked once.

    Args:
        database: Where to ask.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[TimeRange, asyncio.Task[list[str]]] = {}

    async def __call__(self, question: Question) -> list[str]:
        """Those that a question is about."""
        for dimension, condition in question.conditions:
            if dimension.name == _MODEL and condition.operator in {Operator.EQUAL, Operator.IN}:
                return list(condition.values)
        if question.span not in self._asked:
            self._asked[question.span] = asyncio.ensure_future(self._ask(question.span))
        return await self._asked[question.span]

    async def _ask(self, span: TimeRange) -> list[str]:
        parameters = {"from_ns": span.start_ns, "to_ns": span.end_ns}
        return [str(row[0]) for row in await self._database.fetch(Query(_MODELS, parameters))]


async def immature_counts(
    question: Question,
    counts: Mapping[tuple[str, ...], tuple[int, int]],
    now_ns: int,
    learned: Callable[[str, int], Awaitable[Learned]],
    models: Callable[[Question], Awaitable[list[str]]],
) -> dict[tuple[str, ...], str]:
    """The same, where it is known how many labels and predictions each group has.

    Args:
        question: What is asked, and the window.
        counts: For each group the labels that have come, and the predictions.
        now_ns: The time.
        learned: How labels of a model come.
        models: The models that made predictions.
    """
    about_each = await models_of(question, counts, models)
    reasons: dict[tuple[str, ...], str] = {}
    for group, (labels, predictions) in counts.items():
        about = about_each[group]
        for model in about:
            curve = (await learned(model, now_ns)).curve
            known = labels if len(about) == 1 else None
            told = maturity(curve, [(question.span, predictions)], now_ns, labels=known)
            if told.reason is not None:
                reasons.setdefault(group, told.reason)
    return reasons


async def models_of(
    question: Question,
    groups: Iterable[tuple[str, ...]],
    models: Callable[[Question], Awaitable[list[str]]],
) -> dict[tuple[str, ...], list[str]]:
    """The models that each group of a question is about.

    Args:
        question: What is asked.
        groups: The groups.
        models: The models that made predictions.
    """
    grouped_by = [dimension.name for dimension in question.group_by]
    if _MODEL in grouped_by:
        return {group: [group[grouped_by.index(_MODEL)]] for group in groups}
    several = await models(question)
    return dict.fromkeys(groups, several)


async def mature_until(database: Database, question: Question, now_ns: int, curves: SharedCurves) -> int | None:
    """Up to when predictions were made whose labels have come, 95 % of those that ever do; within the range.

    None where no label is needed, or where it is not known how labels come.
    """
    if not question.metric.needs_labels:
        return None
    until = question.span.end_ns
    for model in await SeenModels(database)(question):
        curve = (await curves(database, model, now_ns, as_of_ns=question.as_of_ns)).curve
        if curve is None or not curve.is_settled:
            return None
        until = min(until, now_ns - round(curve.mature_seconds * NANOSECONDS))
    return max(question.span.start_ns, until)
