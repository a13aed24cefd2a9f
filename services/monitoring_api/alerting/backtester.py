"""Backtests over what ClickHouse holds, graded by labels where there are any."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.alerting.backtest import (
    MOST_LOOKS,
    Backtest,
    NoAnswerError,
    TooManyLooksError,
    backtest,
    check_looks,
    slots_between,
)
from services.monitoring_api.alerting.bad_when import (
    DEFAULTS,
    BadWhen,
    Definition,
    about,
    default,
    reference_question,
    stated,
)
from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.grading import Firing, Grade, GroupKey, grade
from services.monitoring_api.alerting.measurement import Answer
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.database import Database
from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.maintained import maintained, whole_since
from services.monitoring_api.queries.sources import COMPLETENESS, INGEST, OUTCOMES, REQUESTS
from services.monitoring_api.queries.timerange import NANOSECONDS, rfc3339
from services.web.problems import Unavailable

_SPANS: Final = "otel_traces"
_OF_SPANS: Final = frozenset(source.name for source in (REQUESTS, INGEST, COMPLETENESS))
_MODEL: Final = "model"
# So often the labelled figure is looked at within its window, at most.
_LOOKS_EACH_WINDOW: Final = 24
NO_TRUTH: Final = "no labelled figure says how good the model was"


@dataclass(frozen=True, slots=True)
class Graded:
    """A backtest with what labels say of it.

    Attributes:
        found: What the rule would have done.
        grade: How good its firings were; None where labels can't say.
        ungraded: Why, then.
    """

    found: Backtest
    grade: Grade | None
    ungraded: str | None


class Backtester:
    """Backtests rules.

    Args:
        database: Where history is.
        delay_seconds: How far behind the slot windows end, as with the worker.
        curves: How labels come.
        clock: The time, epoch seconds.
        statements: How many may be under way at once.
    """

    def __init__(
        self,
        database: Database,
        *,
        delay_seconds: float,
        curves: SharedCurves,
        clock: Callable[[], float],
        statements: int = 4,
    ) -> None:
        self._database = database
        self._curves = curves
        self._clock = clock
        self._measure = ClickHouseMeasure(
            database,
            delay_seconds=delay_seconds,
            statements=statements,
            patience_seconds=0.0,
            clock=clock,
            curves=curves,
        )

    async def run(
        self,
        rules: Sequence[Rule],
        start: float,
        end: float,
        *,
        interval_seconds: float,
        bad_when: BadWhen | None = None,
        progress: Callable[[int], None] = lambda _looks: None,
    ) -> list[Graded]:
        """Backtest rules that belong together, and grade their firings.

        Args:
            rules: One rule, or those that an objective becomes.
            start: The range begins here, epoch seconds.
            end: And ends before this.
            interval_seconds: Between two looks.
            bad_when: What bad means; by default what the rule says, or else clearly worse than before.
            progress: Told how many looks are done.

        Raises:
            BadInput: Naming ``to`` or ``from``, when the range takes too many looks, or rows of it are gone.
            Unavailable: When nothing is answered.
        """
        found: list[Backtest] = []
        try:
            check_looks(start, end, interval_seconds, rules=len(rules))
            for rule in rules:
                await self._check_history(rule, start)
                done = sum(each.looks for each in found)

                def tell(looks: int, done: int = done) -> None:
                    progress(done + looks)

                measured = backtest(
                    rule, start, end, self._measure.over, interval_seconds=interval_seconds, progress=tell
                )
                found.append(await measured)
        except TooManyLooksError as error:
            raise bad_field("to", str(error)) from None
        except NoAnswerError as error:
            raise Unavailable(str(error)) from None
        return await self._graded(found, start, bad_when)

    async def _graded(self, found: Sequence[Backtest], start: float, bad_when: BadWhen | None) -> list[Graded]:
        if len({(tuple(each.rule.filter.items()), each.rule.group_by) for each in found}) > 1:
            return [Graded(each, None, "rules of this name are about different things") for each in found]
        definition = await self._definition(found[0].rule, start, bad_when)
        if definition is None:
            return [Graded(each, None, NO_TRUTH) for each in found]
        truth = await self._truth(definition, found[0])
        if not any(said is not None for slots in truth.values() for _, said in slots):
            return [Graded(each, None, f"{NO_TRUTH}: {definition.said}") for each in found]
        delay = await self._label_delay(definition)

        def graded(each: Backtest) -> Grade:
            return grade(definition, _firings(each, definition.group_by), truth, label_delay_seconds=delay)

        return [Graded(each, graded(each), None) for each in found]

    async def _check_history(self, rule: Rule, start: float) -> None:
        if rule.metric is None or find_metric(rule.metric).source.name not in _OF_SPANS:
            return
        since = whole_since(await maintained(self._database), _SPANS, self._clock())
        reach = max(question.window_seconds + question.end_offset_seconds for question in rule.questions(start))
        if start - reach < since:
            earliest = rfc3339(math.ceil(since + reach) * NANOSECONDS)
            raise bad_field("from", f"raw spans of that time are gone; {earliest} would do")

    async def _definition(self, rule: Rule, start: float, bad_when: BadWhen | None) -> Definition | None:
        filters, group_by = about(rule.filter, rule.group_by, frozenset(OUTCOMES.dimensions))
        wanted = bad_when or rule.bad_when
        if wanted is not None:
            return stated(wanted, filters, group_by)
        questions = {metric: reference_question(metric, filters) for metric in DEFAULTS}
        (answers,) = await self._measure.over(tuple(questions.values()), [start], hindsight=True)
        for metric, question in questions.items():
            value = _value(answers[question])
            if value is not None:
                return default(metric, value, filters, group_by)
        return None

    async def _truth(
        self, definition: Definition, found: Backtest
    ) -> Mapping[GroupKey, Sequence[tuple[float, bool | None]]]:
        """Whether each group was bad, in slots up to a window after the range."""
        interval = found.interval_seconds
        end = min(found.end + definition.window_seconds, self._clock())
        fine = definition.window_seconds / _LOOKS_EACH_WINDOW
        step = max(1, math.ceil(max(fine, (end - found.start) / MOST_LOOKS) / interval)) * interval
        slots = list(slots_between(found.start, end, step))
        if not slots:
            return {}
        question = definition.question()
        answers = await self._measure.over((question,), slots, hindsight=True)
        said: dict[GroupKey, dict[float, bool | None]] = {}
        for slot, each in zip(slots, answers, strict=True):
            answer = each[question]
            for reading in () if isinstance(answer, str) else answer:
                judged = reading.complete and reading.immature is None and reading.value is not None
                bad = definition.condition.holds(reading.value) if judged and reading.value is not None else None
                key = tuple(reading.labels.get(name, "") for name in definition.group_by)
                said.setdefault(key, {})[slot] = bad
        return {key: [(slot, each.get(slot)) for slot in slots] for key, each in said.items()}

    async def _label_delay(self, definition: Definition) -> float | None:
        """How long it takes until nearly all labels have come, where the definition is about one model."""
        model = dict(definition.filters).get(_MODEL)
        if not isinstance(model, str):
            return None
        curve = (await self._curves(self._database, model, round(self._clock() * NANOSECONDS))).curve
        return curve.mature_seconds if curve is not None and curve.is_settled else None


def _value(answer: Answer) -> float | None:
    if isinstance(answer, str) or not answer or answer[0].value is None or math.isnan(answer[0].value):
        return None
    return answer[0].value


def _firings(found: Backtest, group_by: Sequence[str]) -> list[Firing]:
    return [
        Firing(
            tuple(alert.labels.get(name, "") for name in group_by),
            span.fired_at,
            found.end if span.ended_at is None else span.ended_at,
        )
        for alert in found.alerts
        for span in alert.firing
    ]
