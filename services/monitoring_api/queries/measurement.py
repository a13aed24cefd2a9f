"""A metric's value over one window, for one group."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a metric was over a window.

    Args:
        labels: The group's dimensions and their values; empty without grouping.
        value: The metric's value in its unit; None where nothing could be measured (no rows).
        count: How many rows the value rests on.
        complete: Whether the window's telemetry has arrived, as far as is measured.
        immature: Why the figure is not to be judged yet, where it rests on labels that have not come; None where it
            may be.
        complete_until_ns: The part of the window before this has arrived; None when nothing is known of that.
    """

    labels: Mapping[str, str]
    value: float | None
    count: int
    complete: bool
    complete_until_ns: int | None = None
    immature: str | None = None
