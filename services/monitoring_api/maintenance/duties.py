"""What the process does again and again, each at its own interval; one that fails leaves the others going."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.web.problems import Problem

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """One of these things.

    Args:
        name: What it is about, in the plural.
        interval: Time between two beginnings; at every pass when it is zero.
        work: Does it.
    """

    name: str
    interval: timedelta
    work: Callable[[], Awaitable[None]]


class Duties:
    """All of them, in their order.

    Args:
        duties: What is to be done.
    """

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = duties
        self._begun: dict[str, datetime] = {}
        self._failing: dict[str, str] = {}

    async def run(self, now: datetime) -> None:
        """Do what is due. A failure is told once, not for each duty that meets it, and tried again when next due."""
        for duty in self._duties:
            begun = self._begun.get(duty.name)
            if begun is not None and now - begun < duty.interval:
                continue
            self._begun[duty.name] = now
            try:
                await duty.work()
            except Problem as problem:
                if problem.detail not in self._failing.values():
                    _log.warning("%s wait: %s", duty.name, problem.detail)
                self._failing[duty.name] = problem.detail
            else:
                if self._failing.pop(duty.name, None) is not None:
                    _log.info("%s go on", duty.name)
