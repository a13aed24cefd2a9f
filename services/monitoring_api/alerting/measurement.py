"""What an evaluation asks and gets: the border between alerting and wherever the figures come from."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from services.monitoring_api.alerting.questions import Question


@dataclass(frozen=True, slots=True)
class Reading:
    """One group's figure.

    Attributes:
        labels: The group's keys and values; empty without grouping.
        value: The figure in the metric's unit; None means no data.
        count: Events in the window; None when the metric counts none.
        complete: Whether all of the window's data has arrived, as far as is known.
        immature: Why the figure says nothing yet, where labels that it rests on have not come.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    count: float | None = None
    complete: bool = True
    immature: str | None = None


Answer: TypeAlias = Sequence[Reading] | str
"""The groups' figures; a text says why there are none."""

Answers: TypeAlias = Mapping[Question, Answer]

Measure: TypeAlias = Callable[[Sequence[Question], float], Awaitable[Answers]]
"""Answers all questions of a round at once, for the slot at the given epoch second; never raises."""
