"""The maintenance loop: passes at an interval, a sign of life all the while, and an end when told."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.heartbeat import write_heartbeat
from services.monitoring_api.maintenance.instruments import Instruments
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, PREDICTIONS_15M, REQUESTS_1M, REQUESTS_15M, Tier
from services.monitoring_api.maintenance.settings import MaintenanceSettings
from services.web.problems import Problem

_log = logging.getLogger(__name__)

NAME = "maintenance"
# A pass that is under way when the process is told to end gets this long.
_LAST_PASS_SECONDS = 5.0


class Maintenance:
    """Everything the process does.

    Args:
        settings: Everything that can be chosen.
        database: Where, as a user who may write.
        clock: The time, aware.
        instruments: What is told of it.
    """

    def __init__(
        self,
        settings: MaintenanceSettings,
        *,
        database: Database,
        clock: Callable[[], datetime],
        instruments: Instruments,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._instruments = instruments
        self._failing: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        beating = asyncio.create_task(self._beat())
        working = asyncio.create_task(self._work(stop))
        stopping = asyncio.create_task(stop.wait())
        everything: list[asyncio.Task[Any]] = [beating, working, stopping]
        try:
            await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            for task in (beating, working):
                if task.done():
                    task.result()
            await asyncio.wait({working}, timeout=_LAST_PASS_SECONDS)
        finally:
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    async def run_pass(self) -> None:
        """One pass over every rollup; a database that fails is told once and tried again at the next pass."""
        try:
            more = True
            while more:
                # What minutes are made of: raw spans, or predictions; quarters are made of minutes.
                kept = self._settings.predictions_retention_days
                left = [
                    await self._pass(REQUESTS_1M, self._settings.raw_retention_days),
                    await self._pass(PREDICTIONS_1M, kept),
                    await self._pass(REQUESTS_15M, kept),
                    await self._pass(PREDICTIONS_15M, kept),
                ]
                more = any(left)
        except Problem as problem:
            if self._failing != problem.detail:
                _log.warning("rollups wait: %s", problem.detail)
            self._failing = problem.detail
        else:
            if self._failing is not None:
                _log.info("rollups go on")
            self._failing = None

    async def _pass(self, tier: Tier, kept_days: int) -> bool:
        """One pass over one tier; whether more is left."""
        kind = tier.kinds[0]
        with self._instruments.passing(kind) as report:
            done = await recompute(
                self._database,
                tier,
                now=self._clock(),
                settle=timedelta(seconds=self._settings.settle_seconds),
                kept=timedelta(days=kept_days),
                most_marks=self._settings.marks_at_once,
            )
            report(done)
        if done.too_late:
            _log.warning(
                "rows came for %s of which what they are made of is no longer whole; their rollup stays as it is",
                kind,
                extra={"marks": done.too_late},
            )
        return done.marks >= self._settings.marks_at_once

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.run_pass()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settings.interval_seconds)

    async def _beat(self) -> None:
        while True:
            write_heartbeat(self._settings.data_dir, NAME, self._clock().timestamp())
            await asyncio.sleep(self._settings.heartbeat_seconds)
