"""Metrics over windows that end at one moment: many questions, few statements."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.batches import Batch, Figures, Group, Part, alone, batches
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.current import MOST_GROUPS, RAW_SECONDS
from services.monitoring_api.queries.dirty import Dirty, find_dirty
from services.monitoring_api.queries.filters import Filter
from services.monitoring_api.queries.history import WIDEST_BOUND, settled
from services.monitoring_api.queries.known_rows import has_labels, known_at
from services.monitoring_api.queries.measurement import Measurement
from services.monitoring_api.queries.plan import Plan, raw_only
from services.monitoring_api.queries.question import Question, ask
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.ripeness import COVERAGE, SeenModels, immature_counts, models_of
from services.monitoring_api.queries.series import figures_query
from services.monitoring_api.queries.source import Rollup
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import Watermark
from services.web.problems import Problem

# An answer of so many rows may be cut off, so everyone then asks for himself.
_MOST_ROWS: Final = 50_000

Rows = list[tuple[Group, Figures]]


@dataclass(frozen=True, slots=True)
class Window:
    """A metric over a range.

    Args:
        metric: A name of the catalogue.
        span: The range.
        filters: Conditions, and-ed.
        group_by: Dimensions to tell apart.
    """

    metric: str
    span: TimeRange
    filters: tuple[Filter, ...] = ()
    group_by: tuple[str, ...] = ()

    def question(self) -> Question:
        """The same, checked (see `ask`)."""
        return ask(find_metric(self.metric), self.span, group_by=self.group_by, filters=self.filters)


Answer = list[Measurement] | Problem


async def measure_windows(
    database: Database,
    windows: Sequence[Window],
    *,
    now: datetime,
    mark: Watermark,
    curves: SharedCurves,
    places: asyncio.Semaphore,
    as_of_ns: int | None = None,
) -> list[Answer]:
    """Measure each window; those of one source, range and set of dimensions by one statement.

    Figures are those that `measure` gives for the same range. A window is complete when all of it has arrived.

    Args:
        database: Where to ask.
        windows: What is asked.
        now: When it is asked: younger rows than a source's settling time are left out, and labels are judged by it.
        mark: Up to when telemetry has arrived.
        curves: How labels come.
        places: How many statements may be under way at once.
        as_of_ns: Only labels that had come by then count, and predictions that came soon enough after to be waited
            for (see `known_rows`); None: all that there are.

    Returns:
        For each window its groups' measurements (exactly one without grouping), or why there are none.
    """
    asking = _Asking(database, now, mark, curves, places, as_of_ns=as_of_ns)
    answers: dict[int, Answer] = {}
    judged: dict[int, Question] = {}
    for number, window in enumerate(windows):
        try:
            question = window.question()
        except Problem as problem:
            answers[number] = problem
            continue
        old_enough = settled(question, now)
        if old_enough is None:
            answers[number] = asking.nothing(question)
        else:
            judged[number] = old_enough
    # Two rules may ask the same; a question is its own key by identity, for it holds what can't be hashed.
    numbers = {id(question): number for number, question in judged.items()}
    found = await asyncio.gather(*(asking.answer(batch) for batch in batches(judged.values())))
    for part, answer in (pair for batch in found for pair in batch):
        answers[numbers[id(part.question)]] = answer
    return [answers[number] for number in range(len(windows))]


class _Asking:
    """One round of questions."""

    def __init__(
        self,
        database: Database,
        now: datetime,
        mark: Watermark,
        curves: SharedCurves,
        places: asyncio.Semaphore,
        *,
        as_of_ns: int | None,
    ) -> None:
        self._database = database
        self._as_of_ns = as_of_ns
        self._now_ns = epoch_ns(now)
        self._mark = mark
        self._curves = curves
        self._learned = partial(curves, database)
        self._places = places
        self._models = SeenModels(database)
        self._dirty: dict[tuple[str, TimeRange], asyncio.Task[Dirty]] = {}

    async def answer(self, batch: Batch) -> list[tuple[Part, Answer]]:
        """Ask a batch; what goes wrong is the answer of all of its parts."""
        try:
            async with self._places:
                rows = await self._read_all(batch)
                await self._learn(batch, rows)
            return [
                (part, await self._measurements(part.question, groups))
                for part, groups in zip(batch.parts, rows, strict=True)
            ]
        except Problem as problem:
            return [(part, problem) for part in batch.parts]

    def nothing(self, question: Question) -> Answer:
        """The answer where no row is."""
        return [] if question.group_by else [self._measurement(question, (), None)]

    async def _read_all(self, batch: Batch) -> list[dict[Group, Figures]]:
        plan = await self._plan(batch.asked)
        most = _MOST_ROWS if len(batch.parts) > 1 else MOST_GROUPS
        rows = await self._fetch(batch, plan, most)
        if len(batch.parts) > 1 and len(rows) >= _MOST_ROWS:
            return [(await self._read_all(alone(part.question)))[0] for part in batch.parts]
        found = batch.answers(rows)
        if plan.is_exact:
            return found
        # Histograms are too coarse for some: scores lie elsewhere than their bins were made for.
        coarse = {id(part.question): n for n, part in enumerate(batch.parts) if _too_coarse(part.question, found[n])}
        for again in batches(part.question for part in batch.parts if id(part.question) in coarse):
            rows = await self._fetch(again, plan.of_rows_only(), most)
            for part, groups in zip(again.parts, again.answers(rows), strict=True):
                found[coarse[id(part.question)]] = groups
        return found

    async def _fetch(self, batch: Batch, plan: Plan, most_rows: int) -> Rows:
        measures = batch.measures(bounds=not plan.is_exact)
        asked = batch.asked
        if self._as_of_ns is not None and has_labels(asked):
            asked = known_at(asked, self._as_of_ns)
        query = figures_query(asked, plan, measures, most_rows=most_rows)
        wide = len(measures)
        return [
            (tuple(row[wide:]), dict(zip(measures, row[:wide], strict=True)))
            for row in await self._database.fetch(query)
        ]

    async def _plan(self, question: Question) -> Plan:
        as_known = self._as_of_ns is not None and has_labels(question)
        if as_known or question.span.seconds <= RAW_SECONDS:
            return raw_only(question.span)
        rollup = question.metric.source.rollup
        known = None if rollup is None else await self._find_dirty(rollup, question.span)
        return (await prepare(self._database, question, None, known=known)).plan

    async def _find_dirty(self, rollup: Rollup, span: TimeRange) -> Dirty:
        """What of a range is dirty, asked once for all who ask about it."""
        key = (rollup.table, span)
        if key not in self._dirty:
            self._dirty[key] = asyncio.ensure_future(find_dirty(self._database, rollup, span))
        return await self._dirty[key]

    async def _learn(self, batch: Batch, rows: Sequence[dict[Group, Figures]]) -> None:
        """How the labels of all models come that the batch is about, together."""
        models: dict[str, None] = {}
        for part, groups in zip(batch.parts, rows, strict=True):
            if part.question.metric.needs_labels and groups:
                for each in (await models_of(part.question, groups, self._models)).values():
                    models |= dict.fromkeys(each)
        if models:
            await self._curves.learn_all(self._database, models, self._now_ns)

    async def _measurements(self, question: Question, groups: dict[Group, Figures]) -> Answer:
        if not groups:
            return self.nothing(question)
        immature: dict[Group, str] = {}
        if question.metric.needs_labels:
            counts = {
                group: (int(figures[COVERAGE.value] or 0), int(figures[COVERAGE.base] or 0))
                for group, figures in groups.items()
            }
            immature = await immature_counts(question, counts, self._now_ns, self._learned, self._models)
        return [
            self._measurement(question, group, figures, immature.get(group))
            for group, figures in list(groups.items())[:MOST_GROUPS]
        ]

    def _measurement(
        self, question: Question, group: Group, figures: Figures | None, immature: str | None = None
    ) -> Measurement:
        return measurement_of(question, question.span, self._mark, group, figures, immature=immature)


def measurement_of(
    question: Question, span: TimeRange, mark: Watermark, group: Group, figures: Figures | None, *, immature: str | None
) -> Measurement:
    """A group's figure in a window.

    Args:
        question: What was asked.
        span: The window.
        mark: Up to when telemetry has arrived.
        group: The group's values, in the question's order.
        figures: What was found of it; None where there is nothing.
        immature: Why the figure says nothing yet.
    """
    metric, until = question.metric, mark.about(question.metric.source).of(question.filters)
    base = 0.0 if figures is None else figures[metric.base] or 0.0
    value = metric.empty if figures is None else metric.of(figures[metric.value], base, seconds=span.seconds)
    return Measurement(
        {dimension.name: name for dimension, name in zip(question.group_by, group, strict=True)},
        value,
        int(base),
        until is None or until >= span.end_ns,
        None if until is None else max(span.start_ns, min(until, span.end_ns)),
        immature,
    )


def _too_coarse(question: Question, groups: dict[Group, Figures]) -> bool:
    bounding = question.metric.bounding
    if bounding is None:
        return False
    bounds = (
        bounding.of(figures[bounding.value], figures[bounding.base] or 0.0, seconds=1.0) for figures in groups.values()
    )
    return any(bound is not None and bound > WIDEST_BOUND for bound in bounds)
