"""What is asked of some rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.monitoring_api.queries.performance.figure import Figure
from services.monitoring_api.queries.performance.grouped import Grouped

LEVELS: Final = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figures of which rows.

    Args:
        grouped: The rows.
        wanted: Names of the figures; what is not among them costs nothing.
        least: The fewest labels that say anything.
        intervals: Whether to give intervals too, which costs more.
        levels: Of a regression, the quantile levels of its pinball losses, between 0 and 1.
    """

    grouped: Grouped
    wanted: frozenset[str]
    least: int
    intervals: bool
    levels: tuple[float, ...] = LEVELS

    def wants(self, *names: str) -> bool:
        """Whether one of these is wanted."""
        return not self.wanted.isdisjoint(names)

    def kept(self, figures: Mapping[str, Figure]) -> dict[str, Figure]:
        """The figures that are wanted, without the intervals that are not."""
        kept = {name: figure for name, figure in figures.items() if name in self.wanted}
        return kept if self.intervals else {name: figure.without_interval() for name, figure in kept.items()}
