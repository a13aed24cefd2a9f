"""What the worker sees of itself while it works: which questions are answered, and how far looks are."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.monitoring_api.alerting.measurement import Answers, Measure
from services.monitoring_api.alerting.questions import Question
from services.monitoring_api.alerting.replay import MeasureSlots
from services.monitoring_api.worker.own_alerts import GroupProgress, Sight

# A question not asked for so many intervals of the slowest group belongs to a rule that is gone.
_FORGET_INTERVALS = 3.0


@dataclass
class Watch:
    """Remembers the last outcome of each question, and the last recorded slot of each group.

    Attributes:
        patience_seconds: The longest that a look at a group may take.
        failed: Told how many questions had no answer.
        clock: Seconds on a clock that nobody sets.
    """

    patience_seconds: float
    failed: Callable[[int], None]
    clock: Callable[[], float] = time.monotonic
    _outcomes: dict[Question, tuple[float, str | None]] = field(default_factory=dict, init=False)
    _groups: dict[str, GroupProgress] = field(default_factory=dict, init=False)

    def over(self, measure: Measure) -> Measure:
        """The same answers, seen."""

        async def watched(questions: Sequence[Question], slot: float) -> Answers:
            try:
                answers = await measure(questions, slot)
            except BaseException as error:  # also one that is cut off, for it took too long
                self._note(questions, {}, type(error).__name__)
                raise
            self._note(questions, answers, "no answer")
            return answers

        return watched

    def over_slots(self, measure: MeasureSlots) -> MeasureSlots:
        """The same answers for several slots, the last of them seen."""

        async def watched(questions: Sequence[Question], slots: Sequence[float]) -> Sequence[Answers]:
            try:
                answers = await measure(questions, slots)
            except BaseException as error:
                self._note(questions, {}, type(error).__name__)
                raise
            self._note(questions, answers[-1], "no answer")
            return answers

        return watched

    def begin(self, group: str, interval_seconds: float, now: float) -> None:
        """A group is looked at from now on."""
        self._groups[group] = GroupProgress(group, interval_seconds, now)

    def recorded(self, group: str, slot: float) -> None:
        """A look is recorded."""
        if group in self._groups:
            progress = self._groups[group]
            self._groups[group] = GroupProgress(group, progress.interval_seconds, slot)

    def end(self, group: str) -> None:
        """A group is no longer looked at."""
        self._groups.pop(group, None)

    def sight(self) -> Sight:
        """All of it, now."""
        longest = max((group.interval_seconds for group in self._groups.values()), default=0.0)
        oldest = self.clock() - _FORGET_INTERVALS * longest - self.patience_seconds
        self._outcomes = {question: seen for question, seen in self._outcomes.items() if seen[0] >= oldest}
        errors = [error for _, error in self._outcomes.values() if error is not None]
        return Sight(
            len(self._outcomes),
            len(errors),
            errors[-1] if errors else "",
            tuple(self._groups.values()),
            self.patience_seconds,
        )

    def _note(self, questions: Sequence[Question], answers: Answers, missing: str) -> None:
        now = self.clock()
        failures = 0
        for question in questions:
            answer = answers.get(question, missing)
            error = answer if isinstance(answer, str) else None
            self._outcomes[question] = (now, error)
            failures += error is not None
        if failures:
            self.failed(failures)
