"""The questions of a round as ClickHouse answers them: few statements, however many rules ask."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from services.monitoring_api.alerting.measurement import Answer, Answers, Reading
from services.monitoring_api.alerting.questions import Question
from services.monitoring_api.alerting.sql_questions import ask_statement
from services.monitoring_api.database import Database
from services.monitoring_api.queries import windows
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.filters import any_of
from services.monitoring_api.queries.history import Arrived
from services.monitoring_api.queries.slots import Slots, measure_slots
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from services.monitoring_api.queries.watermark import PATIENCE_SECONDS, SharedWatermark, Watermark
from services.monitoring_api.queries.windows import Window, measure_windows
from services.web.problems import Problem

# How often it looks meanwhile whether it has come.
_LOOK_SECONDS: Final = 1.0
_MICROSECONDS: Final = 1_000_000
_DAY_NS: Final = 86_400 * NANOSECONDS


class ClickHouseMeasure:
    """Answers rules: windows end at a slot less the delay, whenever they are asked about.

    What has not arrived by the slot is waited for, within limits; a window of which some is missing then is incomplete.

    Args:
        database: Where to ask.
        delay_seconds: How far behind the slot windows end, so that the youngest data can arrive.
        statements: How many may be under way at once.
        patience_seconds: How long after a slot data is waited for.
        clock: The time, epoch seconds.
        sleep: Waits so many seconds.
        arrived: Tells up to when telemetry has arrived; by default it is asked at most twice a second.
        curves: How labels come; by default what was learned by this one.
    """

    def __init__(
        self,
        database: Database,
        *,
        delay_seconds: float,
        statements: int = 4,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        arrived: Arrived | None = None,
        curves: SharedCurves | None = None,
    ) -> None:
        self._database = database
        self._delay_seconds = delay_seconds
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._sleep = sleep
        self._arrived = arrived or SharedWatermark(_LOOK_SECONDS / 2)
        self._curves = curves or SharedCurves()
        self._places = asyncio.Semaphore(statements)

    async def __call__(self, questions: Sequence[Question], slot: float) -> Answers:
        """Answer all questions for one slot (see `Measure`)."""
        asked = {question: window_of(question, slot, self._delay_seconds) for question in questions}
        measured, stated = _by_kind(asked)
        try:
            mark = await self._wait_for(asked.values(), slot)
            figures, rows = await asyncio.gather(
                measure_windows(
                    self._database,
                    [asked[question] for question in measured],
                    now=datetime.fromtimestamp(slot, UTC),
                    mark=mark,
                    curves=self._curves,
                    places=self._places,
                    as_of_ns=_nanoseconds(slot) if self._is_past(slot) else None,
                ),
                asyncio.gather(*(self._state(question, asked[question].span, mark) for question in stated)),
            )
        except Problem as problem:
            return dict.fromkeys(asked, problem.detail)
        found = {**dict(zip(measured, map(_as_answer, figures), strict=True)), **dict(zip(stated, rows, strict=True))}
        return {question: found[question] or _nothing(mark, asked[question]) for question in asked}

    async def over(
        self, questions: Sequence[Question], slots: Sequence[float], *, hindsight: bool = False
    ) -> list[Answers]:
        """Answer all questions for each of several slots (see `MeasureSlots`).

        Args:
            questions: The questions.
            slots: The slots.
            hindsight: Whether labels are judged by what has come by now, instead of in each slot.
        """
        if len(slots) == 1 and not hindsight:
            return [await self(questions, slots[0])]
        asked = {question: window_of(question, slots[0], self._delay_seconds) for question in questions}
        measured, stated = _by_kind(asked)
        first, last = _nanoseconds(slots[0]), _nanoseconds(slots[-1])
        row = Slots(first, (last - first) // (len(slots) - 1) if len(slots) > 1 else _DAY_NS, len(slots))
        try:
            latest = [window_of(question, slots[-1], self._delay_seconds) for question in questions]
            mark = await self._wait_for(latest, slots[-1])
            figures = await measure_slots(
                self._database,
                [asked[question] for question in measured],
                row,
                mark=mark,
                curves=self._curves,
                places=self._places,
                judged_ns=_nanoseconds(self._clock()) if hindsight else None,
            )
            rows = [await self._state_each(question, slots, mark) for question in stated]
        except Problem as problem:
            return [dict.fromkeys(asked, problem.detail) for _ in slots]
        found: list[Answers] = []
        for number, slot in enumerate(slots):
            answers = {question: _as_answer(each[number]) for question, each in zip(measured, figures, strict=True)}
            answers |= {question: each[number] for question, each in zip(stated, rows, strict=True)}
            moved = {question: window_of(question, slot, self._delay_seconds) for question in asked}
            found.append({question: answers[question] or _nothing(mark, moved[question]) for question in asked})
        return found

    def _is_past(self, slot: float) -> bool:
        """Whether labels may have come that nobody knew of when the slot was to be judged."""
        return self._clock() > slot + PATIENCE_SECONDS

    async def _wait_for(self, asked: Collection[Window], slot: float) -> Watermark:
        """Up to when telemetry has arrived, once that is the end of all windows or waiting is over."""
        while True:
            mark = await self._arrived(self._database, datetime.fromtimestamp(self._clock(), UTC))
            left = slot + self._patience_seconds - self._clock()
            # A clock that was set back must not make the wait longer.
            if all(_has_come(mark, each) or _is_silent(mark, each) for each in asked):
                return mark
            if not 0 < left <= self._patience_seconds:
                return mark
            await self._sleep(min(_LOOK_SECONDS, left))

    async def _state(self, question: Question, span: TimeRange, mark: Watermark) -> Answer:
        async with self._places:
            # What a statement reads is not known here, so every service's telemetry must have come.
            until = mark.of_all_ns
            complete = until is None or until >= span.end_ns
            return await ask_statement(self._database, question, span, complete=complete)

    async def _state_each(self, question: Question, slots: Sequence[float], mark: Watermark) -> list[Answer]:
        spans = [window_of(question, slot, self._delay_seconds).span for slot in slots]
        return [await self._state(question, span, mark) for span in spans]


def window_of(question: Question, slot: float, delay_seconds: float) -> Window:
    """The window of a question in one slot.

    Args:
        question: The question.
        slot: The time of the look, epoch seconds.
        delay_seconds: How far behind the slot windows end.
    """
    end_ns = _nanoseconds(slot) - _nanoseconds(delay_seconds) - _nanoseconds(question.end_offset_seconds)
    filters = tuple(any_of(key, value) for key, value in question.filters)
    span = TimeRange(end_ns - _nanoseconds(question.window_seconds), end_ns)
    return Window(question.metric or "", span, filters, question.group_by)


def _has_come(mark: Watermark, window: Window) -> bool:
    until = _about(mark, window).of(window.filters)
    return until is None or until >= window.span.end_ns


def _is_silent(mark: Watermark, window: Window) -> bool:
    """Whether only a process that fell silent holds it back, which would keep all rules of a group waiting."""
    return _about(mark, window).waits_for_silent(window.filters, window.span.end_ns)


def _about(mark: Watermark, window: Window) -> Watermark:
    metric = CATALOGUE.get(window.metric)
    if metric is None:
        # A statement, which may read anything, or a share of requests with a threshold of its own.
        return mark
    return mark.about(metric.source)


def _nothing(mark: Watermark, window: Window) -> Sequence[Reading]:
    """The answer where no group was found: none, or that some may be on their way, which is no absence."""
    return [] if _has_come(mark, window) else [Reading(complete=False)]


def _nanoseconds(seconds: float) -> int:
    """Whole microseconds, as nanoseconds."""
    return round(seconds * _MICROSECONDS) * (NANOSECONDS // _MICROSECONDS)


def _by_kind(questions: Iterable[Question]) -> tuple[list[Question], list[Question]]:
    """Those about metrics, and statements."""
    return [each for each in questions if each.sql is None], [each for each in questions if each.sql is not None]


def _as_answer(answer: windows.Answer) -> Answer:
    if isinstance(answer, Problem):
        return answer.detail
    return [Reading(one.labels, one.value, one.count, one.complete, one.immature) for one in answer]
