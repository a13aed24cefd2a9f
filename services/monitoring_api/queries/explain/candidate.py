"""What may turn out to be a finding: one thing or two together, what its test says, and how much it accounts for."""

from dataclasses import dataclass, field
from typing import Self

from services.monitoring_api.queries.explain.cases import Kind
from services.monitoring_api.queries.explain.contingency import Contingency


@dataclass(frozen=True, slots=True)
class Part:
    """A value of a field, or a range of one.

    Args:
        kind: What kind of field it is.
        field: Its name.
        key: What the engine calls the value, or the field of a range.
        text: The value: of a feature as JSON; None: a range.
        low: The first number of the range; None: without end.
        high: The first number after it; None: without end.
    """

    kind: Kind
    field: str
    key: int
    text: str | None = None
    low: float | None = None
    high: float | None = None

    @property
    def numeric(self) -> bool:
        """Whether it is a range, or one number of many."""
        if self.text is None:
            return True
        if self.kind is not Kind.FEATURE:
            return False
        try:
            float(self.text)
        except ValueError:
            return False
        return True


@dataclass(slots=True)
class Candidate:
    """Something that was tested.

    Args:
        parts: One, or two that come together.
        table: How many cases have it, of those that it was tested on.
        p: The chance of so much when it made no difference.
        q: The false discovery rate at which it would be believed.
        fitted: The same as all cases would choose it, where it was chosen on some; it is compared with others by this.
        same: Other names for it, and its shadows.
    """

    parts: tuple[Part, ...]
    table: Contingency
    p: float
    q: float = 1.0
    fitted: tuple[Part, ...] | None = None
    same: list[Self] = field(default_factory=list)

    @property
    def compared(self) -> tuple[Part, ...]:
        """What stands for it beside others."""
        return self.fitted or self.parts

    @property
    def of_spans(self) -> bool:
        """Whether it is only known of cases whose trace is stored."""
        return any(part.kind.of_spans for part in self.parts)

    @property
    def plainness(self) -> tuple[int, ...]:
        """Lower is preferred among names for the same cases.

        Categories come before a number, also two of them together: of many numbers and ranges one fits by chance, or
        because it stands for a place and an hour, sooner than one of few names.
        """
        return (
            sum(part.numeric for part in self.parts),
            len(self.parts),
            *sorted(part.kind for part in self.parts),
        )
