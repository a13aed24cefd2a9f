"""Change against an earlier window: what `change:` of a rule means."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

WEEK_SECONDS: Final = 604_800.0


class Earlier(StrEnum):
    """Which window a window is held against."""

    PREVIOUS = "previous"
    WEEK = "week"


class Measured(StrEnum):
    """How two figures are held against each other."""

    RATIO = "ratio"
    DIFFERENCE = "difference"
    RELATIVE = "relative"


_CHANGES: Final[Mapping[Measured, Callable[[float, float], float]]] = {
    Measured.RATIO: lambda now, then: now / then,
    Measured.DIFFERENCE: lambda now, then: now - then,
    Measured.RELATIVE: lambda now, then: (now - then) / abs(then),
}


class ChangeAgainst(BaseModel):
    """The condition judges the change of the figure instead of the figure."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    to: Earlier = Field(
        description="previous: the window just before, of the same length; week: the same window seven days earlier."
    )
    measured: Measured = Field(
        default=Measured.RELATIVE,
        alias="as",
        description="ratio: now / then; difference: now - then; relative: (now - then) / |then|, 0.2 for 20% more.",
    )

    def of(self, now: float, then: float) -> float | None:
        """The change; None where a figure of zero makes it meaningless."""
        if then == 0 and self.measured is not Measured.DIFFERENCE:
            return None
        return _CHANGES[self.measured](now, then)

    def offset(self, window_seconds: float) -> float:
        """How much earlier the window ends that this one is held against."""
        return window_seconds if self.to is Earlier.PREVIOUS else WEEK_SECONDS

    def __str__(self) -> str:
        return f"{self.measured} change to {'the previous window' if self.to is Earlier.PREVIOUS else 'last week'}"
