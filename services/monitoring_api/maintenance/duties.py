"""What the process does again and again, each at its own interval; one that fails leaves the others going."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from services.web.problems import Problem

Made = TypeVar("Made")
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
            await self.attempt(duty.name, duty.work)

    async def attempt(self, name: str, work: Callable[[], Awaitable[Made]]) -> Made | None:
        """Do something, a duty or a part of one, and tell when it begins to fail and when it goes on.

        Args:
            name: What it is about, in the plural.
            work: Does it.

        Returns:
            What came of it; None when it failed.
        """
        try:
            made = await work()
        except Problem as problem:
            if problem.detail not in self._failing.values():
                _log.warning("%s wait: %s", name, problem.detail)
            self._failing[name] = problem.detail
            return None
        if self._failing.pop(name, None) is not None:
            _log.info("%s go on", name)
        return made
