"""The maintenance loop: passes at an interval, a sign of life all the while, and an end when told."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.disk_guard import Space, guard_disk, measure_space
from services.monitoring_api.maintenance.duties import Duties, Duty
from services.monitoring_api.maintenance.heartbeat import write_heartbeat
from services.monitoring_api.maintenance.horizon import note_retention
from services.monitoring_api.maintenance.instruments import Instruments
from services.monitoring_api.maintenance.judged_traces import follow_labels
from services.monitoring_api.maintenance.keep_traces import keep_traces
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import (
    OUTCOMES_1D,
    OUTCOMES_15M,
    PREDICTIONS_1M,
    PREDICTIONS_15M,
    REQUESTS_1M,
    REQUESTS_15M,
    Tier,
)
from services.monitoring_api.maintenance.score_bins import keep_bins
from services.monitoring_api.maintenance.settings import MaintenanceSettings

_log = logging.getLogger(__name__)

NAME = "maintenance"
# A pass that is under way when the process is told to end gets this long.
_LAST_PASS_SECONDS = 5.0
_NOTES_INTERVAL = timedelta(minutes=1)
# One statement joins so many predictions with their labels in a few seconds, far within its deadline.
_LABELS_AT_ONCE = 200_000


class Maintenance:
    """Everything the process does.

    Args:
        settings: Everything that can be chosen.
        database: Where, as a user who may write.
        clock: The time, aware.
        instruments: What is told of it.
        measure: How much of the disk is free.
    """

    def __init__(
        self,
        settings: MaintenanceSettings,
        *,
        database: Database,
        clock: Callable[[], datetime],
        instruments: Instruments,
        measure: Callable[[Database], Awaitable[Space | None]] = measure_space,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._instruments = instruments
        self._measure = measure
        self._rules = settings.keeping_rules
        self._exhausted = False
        self._duties = Duties(
            (
                Duty("rollups", timedelta(0), self._recompute),
                Duty("labels", timedelta(seconds=settings.outcomes_interval_seconds), self._follow_labels),
                Duty("days of outcomes", timedelta(seconds=settings.outcome_days_interval_seconds), self._sum_days),
                Duty("notes of retention", _NOTES_INTERVAL, self._note_retention),
                Duty("traces to keep", timedelta(seconds=settings.traces_interval_seconds), self._keep_traces),
                Duty("looks at the disk", timedelta(seconds=settings.disk_interval_seconds), self._guard),
            )
        )

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
        """Everything that is due; a database that fails is told once and tried again at the next pass."""
        await self._duties.run(self._clock())

    async def _recompute(self) -> None:
        """One pass over the rollups of requests and predictions."""
        settings = self._settings
        # What minutes are made of: raw spans, or predictions; quarters are made of minutes.
        await self._work_off(
            {
                REQUESTS_1M: settings.span_days,
                PREDICTIONS_1M: settings.predictions_retention_days,
                REQUESTS_15M: settings.minute_days,
                PREDICTIONS_15M: settings.minute_days,
            }
        )

    async def _sum_days(self) -> None:
        """One pass over the days whose outcomes changed, or whose bins of scores did."""
        await keep_bins(self._database)
        await self._work_off({OUTCOMES_1D: self._settings.predictions_retention_days})

    async def _work_off(self, kept_days: dict[Tier, int]) -> None:
        """Passes over tiers until nothing is left; one that fails leaves the others going.

        Args:
            kept_days: For each how long that is kept which it is made of.
        """
        left = True
        while left:
            left = False
            for tier, days in list(kept_days.items()):
                more = await self._duties.attempt(f"rollups ({tier.kinds[0]})", partial(self._pass, tier, days))
                if more is None:
                    del kept_days[tier]
                left |= bool(more)

    async def _note_retention(self) -> None:
        """Tell readers how long what minutes are made of stays whole."""
        settings = self._settings
        kept_days = {
            REQUESTS_1M.made_of: settings.span_days,
            PREDICTIONS_1M.made_of: settings.predictions_retention_days,
        }
        for table, days in kept_days.items():
            await note_retention(self._database, table, timedelta(days=days))

    async def _guard(self) -> None:
        """Make room on the disk where it is needed."""
        guarded = await guard_disk(
            self._database,
            self._settings.least_free,
            now=self._clock(),
            keep_traces=self._keep_of_dropped,
            measure=self._measure,
        )
        for day in guarded.dropped:
            self._instruments.dropped(day.table)
        if guarded.exhausted and not self._exhausted:
            _log.error("the disk has too little free space, and no day of raw rows is left to drop: free some of it")
        self._exhausted = guarded.exhausted

    async def _keep_traces(self) -> None:
        """Copy traces that outlive their raw spans."""
        await self._keep(None)

    async def _follow_labels(self) -> None:
        """Join predictions that labels came for, sum up their quarters of an hour, and look at their traces."""
        marks = _LABELS_AT_ONCE
        while marks >= _LABELS_AT_ONCE:
            judged = await follow_labels(
                self._database, self._rules, most=_LABELS_AT_ONCE, traces_at_once=self._settings.traces_at_once
            )
            self._instruments.judged(wrong=judged.wrong, right=judged.right)
            marks = judged.marks
        await self._work_off({OUTCOMES_15M: self._settings.predictions_retention_days})

    async def _keep(self, before: datetime | None, *, unlabelled: bool = True) -> None:
        most = self._settings.traces_at_once
        kept = await keep_traces(
            self._database, self._rules, now=self._clock(), before=before, most=most, unlabelled=unlabelled
        )
        self._instruments.kept(kept)

    async def _keep_of_dropped(self, before: datetime) -> None:
        await self._keep(before, unlabelled=False)

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
