"""When a group of rules is looked at: on every slot of the clock, and on those that an outage left out.

A slot is a multiple of the group's interval since 1970, so every worker has the same ones. The clock may stand still,
jump ahead or be set back: what was missed is made up for in order, and nothing waits for a time far ahead.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

# So many slots are looked at in one go when they are made up for.
MOST_AT_ONCE: Final = 240
# The clock may be set, and the machine may sleep, so the time is looked at in short steps.
_STEP_SECONDS: Final = 1.0
# A look that fails is made again this often, after so many seconds at most; then the group goes on.
_ATTEMPTS: Final = 3
_LONGEST_BREAK_SECONDS: Final = 10.0
# A worker that starts may be up before ClickHouse is: so long it asks again about what it missed.
_PATIENCE_SECONDS: Final = 120.0
_AGAIN_SECONDS: Final = 2.0
# Slots are multiples of an interval that may be no whole number of seconds.
_TOLERANCE: Final = 1e-6

_logger = logging.getLogger(__name__)


class UnansweredError(Exception):
    """Not a single question about missed slots was answered; the message is for people."""


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to look at.

    Attributes:
        slots: The slots, in order, epoch seconds.
        skipped: How many before them are too long ago.
    """

    slots: tuple[float, ...] = ()
    skipped: int = 0


def slot_before(now: float, interval: float) -> float:
    """The last slot that is not after a time."""
    return math.floor(now / interval + _TOLERANCE) * interval


def due(last: float, interval: float, now: float, *, replay_seconds: float, most: int = MOST_AT_ONCE) -> Due:
    """The slots after the last one that was looked at, up to now.

    Args:
        last: The last slot.
        interval: Seconds between two slots.
        now: The time, epoch seconds.
        replay_seconds: Slots that are longer ago are left out.
        most: Most slots to name; those after them are due later.
    """
    first = math.floor(last / interval + _TOLERANCE) + 1
    newest = math.floor(now / interval + _TOLERANCE)
    earliest = min(math.ceil((now - replay_seconds) / interval - _TOLERANCE), newest)
    begins = max(first, earliest)
    numbers = range(begins, min(newest, begins + most - 1) + 1)
    return Due(tuple(number * interval for number in numbers), max(0, begins - first))


class Look(Protocol):
    """Looks at slots, in one transaction; raises when that could not be recorded."""

    async def __call__(self, slots: tuple[float, ...], *, patient: bool) -> None:
        """Look; when patient, maybe raise `UnansweredError` instead of recording failures."""
        ...


class Schedule:
    """Looks at one group, slot after slot, until it is cancelled.

    Args:
        name: The group's name.
        interval: Seconds between two slots.
        look: Looks at slots.
        clock: The time, epoch seconds.
        sleep: Waits so many seconds.
        replay_seconds: Slots that are longer ago are left out.
    """

    def __init__(
        self,
        name: str,
        interval: float,
        look: Look,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        replay_seconds: float,
    ) -> None:
        self._name = name
        self._interval = interval
        self._look = look
        self._clock = clock
        self._sleep = sleep
        self._replay_seconds = replay_seconds

    async def run(self, last: float | None) -> None:
        """Look at every slot from now on, and first at those since the last one.

        Args:
            last: The last slot that was looked at; None when there never was one, so that nothing was missed.
        """
        reached = slot_before(self._clock(), self._interval) if last is None else last
        patient_until = self._clock() + _PATIENCE_SECONDS
        while True:
            now = self._clock()
            if reached - now > self._interval:
                _logger.warning("The clock was set back: group %s goes on from the present", self._name)
                reached = slot_before(now, self._interval)
            waiting = due(reached, self._interval, now, replay_seconds=self._replay_seconds)
            if waiting.skipped:
                self._tell_of_skipped(reached, waiting)
            if not waiting.slots:
                ahead = slot_before(now, self._interval) + self._interval - now
                await self._sleep(min(max(ahead, _TOLERANCE), _STEP_SECONDS))
                continue
            try:
                await self._look_until_recorded(waiting.slots, patient=now < patient_until)
            except UnansweredError as error:
                _logger.warning("Missed slots of group %s can't be looked at yet: %s", self._name, error)
                await self._sleep(_AGAIN_SECONDS)
            else:
                reached = waiting.slots[-1]
                patient_until = 0.0

    async def _look_until_recorded(self, slots: tuple[float, ...], *, patient: bool) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._look(slots, patient=patient)
            except UnansweredError:
                raise
            except Exception:  # a full disk, say; but what fails again and again must not hold up the group for ever
                _logger.exception("A round could not be recorded", extra={"alert.group": self._name})
                await self._sleep(min(self._interval, _LONGEST_BREAK_SECONDS))
                if attempt == _ATTEMPTS:
                    _logger.warning("Group %s goes on without %d slots from %.0f on", self._name, len(slots), slots[0])
            else:
                return

    def _tell_of_skipped(self, reached: float, waiting: Due) -> None:
        _logger.warning(
            "Group %s was last looked at in the slot %.0f; the %d after it are too long ago and left out "
            "(SIGHTGLASS_WORKER_REPLAY_SECONDS=%g)",
            self._name,
            reached,
            waiting.skipped,
            self._replay_seconds,
        )
