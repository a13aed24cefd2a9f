"""From what happened to an alert to the stretches of time that it spent in each state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard.alert_answers import Event

STATE: Final = "state"
LOOKS: Final = "looks"
# What an event begins, on which lane, and what it shows to have been before, where nothing earlier is known.
_BEGINS: Final = {
    "pending": (STATE, "pending", ""),
    "cancelled": (STATE, "", "pending"),
    "fired": (STATE, "firing", ""),
    "resolved": (STATE, "", "firing"),
    "failing": (LOOKS, "failing", ""),
    "recovered": (LOOKS, "", "failing"),
}


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A stretch of time within a range.

    Attributes:
        lane: `state` (pending, firing) or `looks` (failing).
        state: what it was.
        start: its first moment.
        end: the first moment after it.
    """

    lane: str
    state: str
    start: datetime
    end: datetime


def spans_of(events: Sequence[Event], start: datetime, end: datetime, now: datetime) -> list[StateSpan]:
    """The stretches of a range, in the order of time.

    Args:
        events: of one alert, those without ids in the order of time; kinds that nobody knows are passed over.
        start: of the range.
        end: of the range.
        now: nothing lasts longer than until now.
    """
    last = min(end, now)
    ordered = sorted((event for event in events if event.kind in _BEGINS), key=lambda event: (event.at, event.id))
    return sorted(
        (span for lane in (STATE, LOOKS) for span in _lane(lane, ordered, start, last)),
        key=lambda span: (span.start, span.lane),
    )


def _lane(lane: str, events: Iterable[Event], start: datetime, end: datetime) -> Iterable[StateSpan]:
    mine = [event for event in events if _BEGINS[event.kind][0] == lane]
    if not mine:
        return
    began, state = start, _BEGINS[mine[0].kind][2]
    for event in mine:
        if state and event.at > began and began < end:
            yield StateSpan(lane, state, max(began, start), min(event.at, end))
        began, state = max(event.at, start), _BEGINS[event.kind][1]
    if state and began < end:
        yield StateSpan(lane, state, began, end)
