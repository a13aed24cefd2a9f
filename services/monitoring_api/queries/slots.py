"""Metrics over windows that end one after another, for many questions: what rules would have seen in each slot."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from services.monitoring_api.database import Database
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.arrivals import Learned, PastCurves, SharedCurves
from services.monitoring_api.queries.batches import Batch, Figures, Group, Part, batches
from services.monitoring_api.queries.current import MOST_GROUPS, RAW_SECONDS
from services.monitoring_api.queries.known_rows import has_labels, known
from services.monitoring_api.queries.known_slides import EachKnownSlide, KnownSlides
from services.monitoring_api.queries.measurement import Measurement
from services.monitoring_api.queries.plan import Plan, raw_only
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.ripeness import COVERAGE, SeenModels, immature_counts
from services.monitoring_api.queries.sliding import Slides, can_slide, exact_slides_query, slides_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange
from services.monitoring_api.queries.watermark import Watermark
from services.monitoring_api.queries.windows import Answer, Window, measure_windows, measurement_of
from services.web.problems import Problem

# A statement asks for so many windows at most, and merges so many pieces.
_MOST_SLIDES: Final = 1_000
_MOST_PIECES: Final = 500_000
# And for so many, where it takes all rows of each at once.
_MOST_EXACT: Final = 16
# An answer of so many rows may be cut off; then fewer windows are asked for at once.
_MOST_ROWS: Final = 200_000

# How labels come is learned so often at most in a row of slots, and no more often than for looks at the present.
_CURVES: Final = 16
_CURVE_NS: Final = 60 * NANOSECONDS

Rows = dict[int, list[tuple[Group, Figures]]]


@dataclass(frozen=True, slots=True)
class Slots:
    """Moments one after another.

    Args:
        first_ns: The first, in nanoseconds since 1970.
        interval_ns: Between two of them.
        count: How many there are.
    """

    first_ns: int
    interval_ns: int
    count: int

    def at_ns(self, number: int) -> int:
        """One of them."""
        return self.first_ns + number * self.interval_ns


async def measure_slots(
    database: Database,
    windows: Sequence[Window],
    slots: Slots,
    *,
    mark: Watermark,
    curves: SharedCurves,
    places: asyncio.Semaphore,
    judged_ns: int | None = None,
) -> list[list[Answer]]:
    """Measure each window in every slot; as `measure_windows` would, slot by slot, but many slots in one statement.

    Percentiles over more than a quarter of an hour are merged from sketches, within 1 %, also where `measure_windows`
    finds nothing rolled up and takes exact ones. Of labels only those count that had come by a slot, and with them only
    predictions that had come while the slot was waited for (see `known_rows`); of all else what came late counts, too.

    Args:
        database: Where to ask.
        windows: What is asked, each with its window of the first slot.
        slots: The slots.
        mark: Up to when telemetry has arrived.
        curves: How labels come, for what is judged by one time.
        places: How many statements may be under way at once.
        judged_ns: By this time all is judged, with every label that there is; None: each slot by its own.

    Returns:
        For each window, for each slot, its groups' measurements, or why there are none.
    """
    asking = _Asking(database, slots, curves, places, mark=mark, judged_ns=judged_ns)
    answers: dict[int, list[Answer]] = {}
    judged: dict[int, Question] = {}
    singly: list[int] = []
    for number, window in enumerate(windows):
        try:
            question = window.question()
        except Problem as problem:
            answers[number] = [problem] * slots.count
            continue
        settled = _settled(question, slots)
        if settled is None:
            answers[number] = [asking.nothing(question, slot) for slot in range(slots.count)]
        elif not can_slide(question.metric) and not asking.as_known(question):
            singly.append(number)
        else:
            judged[number] = settled
    numbers = {id(question): number for number, question in judged.items()}
    # What needs all rows of a window at once takes longer, so it is asked for apart.
    alike = [[one for one in judged.values() if can_slide(one.metric) is slides] for slides in (True, False)]
    found = await asyncio.gather(*(asking.answer(batch) for each in alike for batch in batches(each)))
    for part, each in (pair for batch in found for pair in batch):
        answers[numbers[id(part.question)]] = each
    # Areas under curves and the like, with every label there is, are asked for slot by slot.
    answers |= zip(singly, await asking.one_by_one([windows[n] for n in singly]), strict=True)
    return [answers[number] for number in range(len(windows))]


class _Asking:
    """All questions about some slots."""

    def __init__(
        self,
        database: Database,
        slots: Slots,
        curves: SharedCurves,
        places: asyncio.Semaphore,
        *,
        mark: Watermark,
        judged_ns: int | None,
    ) -> None:
        self._database = database
        self._slots = slots
        self._mark = mark
        # What is learned of the past is no news to those who ask about now.
        self._curves = curves if judged_ns is not None else PastCurves(_stretch_ns(slots))
        self._places = places
        self._judged_ns = judged_ns
        self._models = SeenModels(database)

    async def answer(self, batch: Batch) -> list[tuple[Part, list[Answer]]]:
        """Ask a batch about every slot; what goes wrong is the answer of all of its parts."""
        try:
            rows = await self._read(batch)
            return [
                (part, [await self._measurements(part.question, slot, groups[n]) for slot, groups in enumerate(rows)])
                for n, part in enumerate(batch.parts)
            ]
        except Problem as problem:
            return [(part, [problem] * self._slots.count) for part in batch.parts]

    async def one_by_one(self, windows: Sequence[Window]) -> list[list[Answer]]:
        """Ask about each slot by itself."""
        found: list[list[Answer]] = [[] for _ in windows]
        for slot in range(self._slots.count) if windows else ():
            moved = [replace(window, span=self._moved(window.span, slot)) for window in windows]
            answers = await measure_windows(
                self._database,
                moved,
                now=datetime.fromtimestamp(self._judged_at(slot) / NANOSECONDS, UTC),
                mark=self._mark,
                curves=self._curves,
                places=self._places,
            )
            for each, answer in zip(found, answers, strict=True):
                each.append(answer)
        return found

    def nothing(self, question: Question, slot: int) -> Answer:
        """The answer where no row is."""
        return [] if question.group_by else [self._measurement(question, slot, (), None)]

    async def _read(self, batch: Batch) -> list[list[dict[Group, Figures]]]:
        """For each slot, for each part, its groups."""
        slides = self._slides(batch.asked)
        most = max(1, min(_MOST_SLIDES, _MOST_PIECES // slides.pieces_each))
        if isinstance(slides, EachKnownSlide):
            most = _MOST_EXACT
        found: list[list[dict[Group, Figures]]] = []
        while len(found) < slides.count:
            part = slides.part(len(found), min(most, slides.count - len(found)))
            async with self._places:
                rows = await self._fetch(batch, part)
            if rows is None and most == 1:
                raise bad_field("group_by", f"gives more than {_MOST_ROWS:,} groups in one window")
            if rows is None:
                most = max(1, part.count // 4)
                continue
            found += [batch.answers(rows[number]) for number in range(part.count)]
        return found

    def _slides(self, question: Question) -> Slides:
        interval_ns, count = self._slots.interval_ns, self._slots.count
        if not self.as_known(question):
            return Slides(question.span, interval_ns, count)
        kind = KnownSlides if can_slide(question.metric) else EachKnownSlide
        return kind(question.span, interval_ns, count, self._slots.first_ns - question.span.start_ns)

    def as_known(self, question: Question) -> bool:
        """Whether only what was known in each slot counts."""
        return self._judged_ns is None and has_labels(question)

    async def _fetch(self, batch: Batch, slides: Slides) -> Rows | None:
        """The rows of some windows; None when they were cut off."""
        asked = batch.asked.over(slides.span)
        measures = batch.measures(bounds=False)
        plan = await self._plan(asked)
        asked = known(asked) if self.as_known(asked) else asked
        if isinstance(slides, EachKnownSlide):
            query = exact_slides_query(asked, plan, slides, measures, most_rows=_MOST_ROWS)
        else:
            query = slides_query(asked, plan, slides, measures, exact=_is_exact(batch.asked), most_rows=_MOST_ROWS)
        answer = await self._database.fetch(query)
        if len(answer) >= _MOST_ROWS:
            return None
        found: Rows = defaultdict(list)
        wide = len(measures) + 1
        for row in answer:
            found[int(row[0])].append((tuple(row[wide:]), dict(zip(measures, row[1:wide], strict=True))))
        return found

    async def _plan(self, question: Question) -> Plan:
        """Rows only: joined anew, or as they were joined where that is known to hold."""
        if question.metric.source.prepared is None or self.as_known(question):
            return raw_only(question.span)
        return (await prepare(self._database, question, None)).plan.of_rows_only()

    async def _measurements(self, question: Question, slot: int, groups: dict[Group, Figures]) -> Answer:
        if not groups:
            return self.nothing(question, slot)
        immature: dict[Group, str] = {}
        if question.metric.needs_labels:
            counts = {
                group: (int(figures[COVERAGE.value] or 0), int(figures[COVERAGE.base] or 0))
                for group, figures in groups.items()
            }
            asked = question.over(self._moved(question.span, slot))
            whole = TimeRange(question.span.start_ns, self._moved(question.span, self._slots.count - 1).end_ns)
            seen = partial(self._seen, whole)
            immature = await immature_counts(asked, counts, self._judged_at(slot), self._learned, seen)
        return [
            self._measurement(question, slot, group, figures, immature.get(group))
            for group, figures in list(groups.items())[:MOST_GROUPS]
        ]

    async def _learned(self, model: str, now_ns: int) -> Learned:
        """How labels come, as far as was known when it is judged."""
        return await self._curves(self._database, model, now_ns)

    async def _seen(self, whole: TimeRange, question: Question) -> list[str]:
        """The models of all slots."""
        return await self._models(question.over(whole))

    def _measurement(
        self, question: Question, slot: int, group: Group, figures: Figures | None, immature: str | None = None
    ) -> Measurement:
        span = self._moved(question.span, slot)
        return measurement_of(question, span, self._mark, group, figures, immature=immature)

    def _judged_at(self, slot: int) -> int:
        return self._slots.at_ns(slot) if self._judged_ns is None else self._judged_ns

    def _moved(self, span: TimeRange, slot: int) -> TimeRange:
        moved = slot * self._slots.interval_ns
        return TimeRange(span.start_ns + moved, span.end_ns + moved)


def _stretch_ns(slots: Slots) -> int:
    """How long what was learned of labels stands for."""
    return max(_CURVE_NS, slots.count * slots.interval_ns // _CURVES)


def _settled(question: Question, slots: Slots) -> Question | None:
    """The question about rows that are old enough in their slot; None when that is nothing of the window."""
    settle_ns = question.metric.source.settle_seconds * NANOSECONDS
    end_ns = min(question.span.end_ns, slots.first_ns - settle_ns) if settle_ns else question.span.end_ns
    if end_ns <= question.span.start_ns:
        return None
    return question.over(TimeRange(question.span.start_ns, end_ns))


def _is_exact(question: Question) -> bool:
    """Whether one such window by itself would be read from rows alone."""
    fine, _ = question.tiers(None)
    return question.span.seconds <= RAW_SECONDS or (not fine and question.metric.source.prepared is None)
