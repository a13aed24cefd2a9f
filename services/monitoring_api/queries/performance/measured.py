"""What was measured of one group of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.monitoring_api.queries.performance.figure import Figure


@dataclass(frozen=True, slots=True)
class Measured:
    """One group's figures.

    Args:
        group: The values of the groups' expressions; empty without groups.
        predictions: How many predictions there are.
        labels: How many of them have a label.
        figures: By name.
        classes: Of a multi-class model, the figures of each class.
    """

    group: tuple[str | int, ...]
    predictions: int
    labels: int
    figures: Mapping[str, Figure]
    classes: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
