"""What an evaluation asks and gets: the border between alerting and wherever the figures come from."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.monitoring_api.alerting.models import Observation, ObservationKind
from services.monitoring_api.alerting.rules import Rule


@dataclass(frozen=True, slots=True)
class Reading:
    """One group's figure.

    Attributes:
        labels: The group's keys and values; empty without grouping.
        value: The figure in the metric's unit; None means no data.
        count: Events in the window; None when the metric counts none.
        complete: Whether all of the window's data has arrived, as far as is known.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    count: float | None = None
    complete: bool = True


class MeasurementFailedError(Exception):
    """No answer; the message is for people."""


Measure = Callable[[Rule, float], Awaitable[Sequence[Reading]]]
"""Asks a rule's question for the window that ends at the given epoch second; raises MeasurementFailedError."""

INCOMPLETE = "the window is incomplete: some of its data has not arrived, so its figure is not judged"


def observe(rule: Rule, reading: Reading) -> Observation:
    """Judge one figure by the rule's condition; that of an incomplete window is no answer."""
    if not reading.complete:
        return Observation(ObservationKind.FAILED, error=INCOMPLETE)
    value = reading.value
    if value is None or math.isnan(value):
        return Observation(ObservationKind.NO_DATA, None, reading.count)
    kind = ObservationKind.BREACHING if rule.condition.holds(value) else ObservationKind.HEALTHY
    return Observation(kind, value, reading.count)
