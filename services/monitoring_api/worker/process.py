"""The worker: rounds on the clock, deliveries, signs of life and reloading, side by side.

Of several workers on one store, the one with the lease does all this; the others read their files, give signs of life
and wait for their turn.
"""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.monitoring_api.alerting.exemplars import Exemplars, no_exemplars
from services.monitoring_api.alerting.figures import Figures, no_figures
from services.monitoring_api.alerting.measurement import Measure
from services.monitoring_api.alerting.metric_shapes import Catalogue
from services.monitoring_api.alerting.replay import MeasureSlots, one_by_one
from services.monitoring_api.alerting.rule_set import RuleSet
from services.monitoring_api.alerting.rules import Rule, RuleGroup
from services.monitoring_api.alerting.rules_in_force import RuleInForce, write_rules
from services.monitoring_api.alerting.slots import keep_slots, read_slot
from services.monitoring_api.alerting.store import forget_events, forget_workers, record_worker
from services.monitoring_api.notify.acknowledgements import forget_acknowledgements
from services.monitoring_api.notify.backoff import Backoff
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.delivery import DeliveryPolicy
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.notify.outbox import forget_notifications, waiting_by_channel
from services.monitoring_api.notify.silences import forget_silences
from services.monitoring_api.queries.watermark import PATIENCE_SECONDS
from services.monitoring_api.worker.configuration import Configuration, ConfigurationFiles
from services.monitoring_api.worker.deliveries import Deliveries
from services.monitoring_api.worker.flushing import Flusher, Flushing
from services.monitoring_api.worker.heartbeat import write_heartbeat
from services.monitoring_api.worker.illustrating import Illustrator
from services.monitoring_api.worker.instruments import Instruments
from services.monitoring_api.worker.leadership import Leadership
from services.monitoring_api.worker.lease import Lease
from services.monitoring_api.worker.oneself import Oneself
from services.monitoring_api.worker.own_alerts import OWN_KEYS
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.rounds import Round, retire_missing
from services.monitoring_api.worker.schedule import Schedule, UnansweredError
from services.monitoring_api.worker.settings import WorkerSettings
from services.monitoring_api.worker.store import Store
from services.monitoring_api.worker.watching import Watch

NAME = "worker"
# Stopping takes less than ten seconds in all, and telemetry needs up to five of them when nobody takes it.
_DELIVERY_PATIENCE_SECONDS = 2.0
_HOUSEKEEPING_SECONDS = 3600.0
_HOUSEKEEPING_LOOK_SECONDS = 60.0
_DAY_SECONDS = 86_400.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Effects:
    """What the worker does to the world, as arguments."""

    measure: Measure
    catalogue: Catalogue | None
    instruments: Instruments
    surroundings: Surroundings
    exemplars: Exemplars = no_exemplars
    measure_slots: MeasureSlots | None = None
    figures: Figures = no_figures


class Worker:
    """The alert worker.

    Args:
        settings: Its settings.
        store: Its store, with its tables.
        effects: How it measures and reaches people.
    """

    def __init__(self, settings: WorkerSettings, store: Store, effects: Effects) -> None:
        self._settings = settings
        self._store = store
        self._name = f"{socket.gethostname()[:50]}-{os.getpid()}"
        self._lease = Lease(self._name, seconds=settings.lease_seconds, sole=store.sole)
        self._leadership = Leadership(store, self._lease, self._begin, self._end)
        self._effects = effects
        self._instruments = effects.instruments
        self._files = ConfigurationFiles(settings.rules_file, settings.notifications_file, effects.catalogue)
        self._configuration = Configuration()
        patience = PATIENCE_SECONDS + settings.deadline_seconds
        self._watch = Watch(patience, lambda count: self._instruments.failed("question", count))
        self._round = Round(
            store,
            self._watch.over(effects.measure),
            patience,
            effects.exemplars,
            measure_slots=self._watch.over_slots(effects.measure_slots or one_by_one(effects.measure)),
        )
        policy = DeliveryPolicy(
            Backoff(settings.retry_initial_seconds, settings.retry_maximum_seconds),
            give_up_after_seconds=settings.give_up_after_seconds,
            attempt_seconds=180.0,
            clock=time.time,
            random=random.random,
            tally=self._instruments.delivered,
            may_send=lambda: self._lease.held,
            illustrate=Illustrator(self._rules, effects.figures, time.time),
        )
        self._deliveries = Deliveries(store, policy, effects.surroundings)
        self._flushing = Flushing(store, self._flusher, self._deliveries.wake, time.time)
        self._flush: asyncio.Task[None] | None = None
        self._groups: dict[str, tuple[RuleGroup, asyncio.Task[None]]] = {}
        self._oneself = Oneself(settings, store, self._watch, effects.surroundings)
        self._last_evaluation_at: float | None = None
        self._waiting: dict[str, int] = {}
        self._house_kept_at: float | None = None
        self._rounds_error = ""

    def _rules(self) -> Iterable[Rule]:
        return () if self._configuration.rules is None else self._configuration.rules.rules()

    async def run(self, stop: asyncio.Event, reread: asyncio.Event) -> None:
        """Work until told to stop.

        Args:
            stop: Set when it shall end.
            reread: Set when the files shall be read now, changed or not; it is cleared when that begins.
        """
        settings = self._settings
        await self._reload()
        background = [
            asyncio.create_task(self._leadership.run(), name="lease"),
            asyncio.create_task(self._every(settings.heartbeat_seconds, self._beat), name="heartbeat"),
            asyncio.create_task(self._keep_reloading(reread), name="reload"),
            asyncio.create_task(self._every(_HOUSEKEEPING_LOOK_SECONDS, self._keep_house), name="housekeeping"),
            asyncio.create_task(self._every(self._oneself.interval_seconds, self._look_at_oneself), name="own alerts"),
            asyncio.create_task(self._every(settings.heartbeat_url_seconds, self._give_sign), name="sign of life"),
        ]
        try:
            await stop.wait()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._cease(_DELIVERY_PATIENCE_SECONDS)
            await self._leadership.resign()

    async def _begin(self) -> None:
        """This worker has become the one that evaluates and sends."""
        self._files.forget()
        await self._reload()

    async def _end(self) -> None:
        """Another worker is, or may be: what is under way here is cut off, and that one does it."""
        await self._cease(0.0)
        # That nothing could be recorded any longer was no fault.
        self._rounds_error = ""

    async def _cease(self, patience_seconds: float) -> None:
        # A round that is cut off leaves nothing half done: it is one transaction.
        tasks = [*(task for _, task in self._groups.values()), *([] if self._flush is None else [self._flush])]
        for name in self._groups:
            self._watch.end(name)
        self._groups.clear()
        self._flush = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._deliveries.stop(patience_seconds)

    async def _every(
        self,
        seconds: float,
        work: Callable[[], Awaitable[None]],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        while True:
            try:
                await work()
            except Exception:  # the next time may go well; the worker must not end over it
                _logger.exception("Background work failed")
            await wait(seconds)

    async def _keep_reloading(self, reread: asyncio.Event) -> None:
        async def wait(seconds: float) -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(reread.wait(), seconds)
            if reread.is_set():
                reread.clear()
                self._files.forget()

        await self._every(self._settings.reload_seconds, self._reload, wait)

    async def _reload(self) -> None:
        configuration = await asyncio.to_thread(self._files.read, self._configuration)
        if configuration is None:
            return
        try:
            await self._put_in_force(configuration)
        except Exception:
            self._files.forget()
            raise

    async def _put_in_force(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._instruments.reloaded(ok=not configuration.error)
        if not self._leadership.leads:
            return
        if configuration.notifications is not None:
            self._deliveries.apply(configuration.notifications.channels)
            self._flush = self._flush or asyncio.create_task(self._flushing.run(), name="flushing")
            await self._warn_of_orphans(configuration.notifications)
        if configuration.rules is not None:
            await self._retire_missing()
            await self._tell_of_rules(configuration.rules)
            self._schedule({group.name: group for group in configuration.rules.groups})

    async def _retire_missing(self) -> None:
        # Without a readable file nothing is known about which rules there should be.
        if self._configuration.rules is not None:
            keys = self._configuration.rules.keys() | OWN_KEYS
            await retire_missing(self._store, keys, self._recorder(), time.time())
            self._flushing.wake()

    def _schedule(self, wanted: dict[str, RuleGroup]) -> None:
        for name, (group, task) in list(self._groups.items()):
            if wanted.get(name) != group:
                task.cancel()
                del self._groups[name]
                self._watch.end(name)
        for name, group in wanted.items():
            if name not in self._groups:
                self._watch.begin(name, group.interval or self._settings.interval_seconds, time.time())
                self._groups[name] = (group, asyncio.create_task(self._look_after(group), name=f"group {name}"))

    async def _tell_of_rules(self, rules: RuleSet) -> None:
        """Keep which rules are in force, for whoever asks, and forget slots of groups that are gone."""
        intervals = {group.name: group.interval or self._settings.interval_seconds for group in rules.groups}
        delay, now = self._settings.evaluation_delay_seconds, time.time()
        told = [
            RuleInForce(each.group, each.position, intervals[each.group], delay, each.definition, now)
            for each in rules.sources
        ]

        def work(connection: Connection) -> None:
            write_rules(connection, told)
            keep_slots(connection, intervals)

        await self._store(work)

    async def _look_after(self, group: RuleGroup) -> None:
        """Look at a group on every slot of the clock, and first at those that were missed since its last one."""
        interval = group.interval or self._settings.interval_seconds

        async def look(slots: tuple[float, ...], *, patient: bool) -> None:
            await self._look(group, interval, slots, patient=patient)

        schedule = Schedule(
            group.name,
            interval,
            look,
            clock=time.time,
            sleep=asyncio.sleep,
            replay_seconds=self._settings.replay_seconds,
        )
        await schedule.run(await self._last_slot(group.name))

    async def _last_slot(self, group: str) -> float | None:
        while True:
            try:
                return await self._store(lambda connection: read_slot(connection, group))
            except SQLAlchemyError:  # rounds would fail too; it may come back
                _logger.exception("The alert store can't be read")
                await asyncio.sleep(1.0)

    async def _look(self, group: RuleGroup, interval: float, slots: tuple[float, ...], *, patient: bool) -> None:
        began = time.monotonic()
        with self._instruments.round(group.name):
            try:
                await self._round.run(group, interval, self._recorder(), slots, patient=patient)
            except UnansweredError:
                raise
            except Exception as error:
                self._instruments.failed("round")
                self._rounds_error = f"group {group.name}: {type(error).__name__}: {error}"
                raise
        self._rounds_error = ""
        self._last_evaluation_at = max(slots[-1], self._last_evaluation_at or 0.0)
        self._watch.recorded(group.name, slots[-1])
        self._flushing.wake()
        looked_at, lag = len(group.rules) * len(slots), time.time() - slots[-1]
        self._instruments.evaluated(group.name, looked_at, time.monotonic() - began, lag)

    def _recorder(self) -> Recorder:
        return Recorder(self._configuration.notifications, self._settings.dashboard_url)

    def _flusher(self) -> Flusher:
        return Flusher(self._configuration.notifications, self._settings.dashboard_url)

    async def _beat(self) -> None:
        now = time.time()
        write_heartbeat(self._settings.data_dir, NAME, now)
        leads = self._leadership.leads
        error = "\n".join(text for text in (self._configuration.error, self._rounds_error) if text)

        def work(connection: Connection) -> Mapping[str, int]:
            record_worker(
                connection,
                self._name,
                heartbeat_at=now,
                last_evaluation_at=self._last_evaluation_at,
                error=error or None,
                leads=leads,
            )
            return waiting_by_channel(connection) if leads else {}

        with suppress(SQLAlchemyError):  # rounds and deliveries report it
            # A channel with which nothing waits any longer is told so.
            waiting = dict.fromkeys(self._waiting, 0) | dict(await self._store.aside(work))
            self._instruments.leads(leads=leads, waiting=waiting)
            self._waiting = waiting

    async def _look_at_oneself(self) -> None:
        if self._leadership.leads:
            await self._oneself.look(self._recorder())
            self._flushing.wake()

    async def _give_sign(self) -> None:
        if self._leadership.leads:
            await self._oneself.give_sign(recording=self._configuration.rules is not None and not self._rounds_error)

    async def _warn_of_orphans(self, notifications: NotificationFile) -> None:
        known = {channel.name for channel in notifications.channels}
        for channel, waiting in (await self._store(waiting_by_channel)).items():
            if channel not in known:
                _logger.warning(
                    "%d notifications wait for the channel %s, which is not in the notifications file", waiting, channel
                )

    async def _keep_house(self) -> None:
        now = time.monotonic()
        recently = self._house_kept_at is not None and now - self._house_kept_at < _HOUSEKEEPING_SECONDS
        if recently or not self._leadership.leads:
            return
        self._house_kept_at = now
        before = time.time() - self._settings.history_retention_days * _DAY_SECONDS

        def work(connection: Connection) -> None:
            forget_events(connection, before=before)
            forget_notifications(connection, before=before)
            forget_workers(connection, before=time.time() - _DAY_SECONDS)
            forget_silences(connection, before=before)
            forget_acknowledgements(connection, before=before)

        await self._store(work)
        await self._retire_missing()
