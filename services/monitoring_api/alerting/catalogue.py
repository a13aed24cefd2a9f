"""The metric catalogue as rules see it, and the questions of rules as the catalogue answers them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from services.monitoring_api.alerting.measurement import Answer, Answers, Measure, Reading
from services.monitoring_api.alerting.metric_shapes import Catalogue, MetricShape
from services.monitoring_api.alerting.questions import FilterValue, Question
from services.monitoring_api.alerting.sql_questions import ask_statement
from services.monitoring_api.database import Database
from services.monitoring_api.queries import windows
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.filters import Filter, Operator
from services.monitoring_api.queries.history import Arrived
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from services.monitoring_api.queries.watermark import SharedWatermark
from services.monitoring_api.queries.windows import Window, measure_windows
from services.web.problems import Problem

# A look waits so long at most, from its slot on, for what its windows lack; then they are incomplete.
PATIENCE_SECONDS: Final = 30.0
# How often it looks meanwhile whether it has come.
_LOOK_SECONDS: Final = 1.0


def metric_catalogue() -> Catalogue:
    """Every metric with the keys it can be filtered and grouped by."""
    return {
        name: MetricShape(frozenset(metric.source.dimensions), frozenset(metric.source.dimensions))
        for name, metric in CATALOGUE.items()
    }


def measure_in(
    database: Database,
    *,
    delay_seconds: float,
    statements: int = 4,
    patience_seconds: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    arrived: Arrived | None = None,
) -> Measure:
    """Answers rules from ClickHouse: windows end at a slot less the delay, whenever they are asked about.

    What has not arrived by the slot is waited for, within limits; a window of which some is missing then is incomplete.

    Args:
        database: Where to ask.
        delay_seconds: How far behind the slot windows end, so that the youngest data can arrive.
        statements: How many may be under way at once.
        patience_seconds: How long after a slot data is waited for.
        clock: The time, epoch seconds.
        sleep: Waits so many seconds.
        arrived: Tells up to when telemetry has arrived; by default it is asked at most twice a second.
    """
    curves = SharedCurves()
    ask_arrived = arrived or SharedWatermark(_LOOK_SECONDS / 2)
    places = asyncio.Semaphore(statements)

    async def wait_for(end_ns: int, slot: float) -> int | None:
        """Up to when telemetry has arrived, once that is the end of the windows or waiting is over."""
        while True:
            until = await ask_arrived(database, datetime.fromtimestamp(clock(), UTC))
            left = slot + patience_seconds - clock()
            if until is None or until >= end_ns or left <= 0:
                return until
            # A clock that was set back must not make the wait longer.
            if left > patience_seconds:
                return until
            await sleep(min(_LOOK_SECONDS, left))

    async def state(question: Question, span: TimeRange, until: int | None) -> Answer:
        async with places:
            return await ask_statement(database, question, span, complete=until is None or until >= span.end_ns)

    async def measure(questions: Sequence[Question], now: float, until: int | None) -> list[Answer]:
        found = await measure_windows(
            database,
            [window_of(question, now, delay_seconds) for question in questions],
            now=datetime.fromtimestamp(now, UTC),
            until_ns=until,
            curves=curves,
            places=places,
        )
        return [as_answer(each) for each in found]

    async def ask(questions: Sequence[Question], now: float) -> Answers:
        spans = {question: window_of(question, now, delay_seconds).span for question in questions}
        measured = [question for question in spans if question.sql is None]
        stated = [question for question in spans if question.sql is not None]
        try:
            until = await wait_for(max((span.end_ns for span in spans.values()), default=0), now)
            figures, rows = await asyncio.gather(
                measure(measured, now, until),
                asyncio.gather(*(state(question, spans[question], until) for question in stated)),
            )
        except Problem as problem:
            return dict.fromkeys(spans, problem.detail)
        answers = zip((*measured, *stated), (*figures, *rows), strict=True)
        return {question: found or nothing(until, spans[question]) for question, found in answers}

    return ask


def nothing(until_ns: int | None, span: TimeRange) -> Sequence[Reading]:
    """The answer where no group was found: none, or that some may be on their way, which is no absence."""
    arrived = until_ns is None or until_ns >= span.end_ns
    return [] if arrived else [Reading(complete=False)]


def window_of(question: Question, slot: float, delay_seconds: float) -> Window:
    """The window of a question in one slot.

    Args:
        question: The question, about a metric.
        slot: The time of the look, epoch seconds.
        delay_seconds: How far behind the slot windows end.
    """
    end_ns = round((slot - delay_seconds - question.end_offset_seconds) * 1_000_000) * 1_000
    span = TimeRange(end_ns - round(question.window_seconds * 1_000) * (NANOSECONDS // 1_000), end_ns)
    filters = tuple(_filter(key, value) for key, value in question.filters)
    return Window(question.metric or "", span, filters, question.group_by)


def as_answer(answer: windows.Answer) -> Answer:
    """What alerting makes of a window's answer."""
    if isinstance(answer, Problem):
        return answer.detail
    return [Reading(one.labels, one.value, one.count, one.complete, one.immature) for one in answer]


def _filter(key: str, value: FilterValue) -> Filter:
    return Filter(key, Operator.EQUAL, (value,)) if isinstance(value, str) else Filter(key, Operator.IN, tuple(value))
