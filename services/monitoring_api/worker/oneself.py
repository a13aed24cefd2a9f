"""The watcher is watched: what the worker sees of itself becomes alerts of its own, and a sign of life to others."""

import time

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import Change
from services.monitoring_api.alerting.store import read_alerts
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.resolver import Allowed
from services.monitoring_api.worker.dead_mans_switch import DeadMansSwitch
from services.monitoring_api.worker.own_alerts import OWN_KEYS, look_at_oneself
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.rounds import log_events
from services.monitoring_api.worker.settings import WorkerSettings
from services.monitoring_api.worker.store import Store
from services.monitoring_api.worker.watching import Watch

_INTERVAL_SECONDS = 15.0


class Oneself:
    """Records the worker's own alerts, and gives the sign of life.

    Args:
        settings: The worker's settings.
        store: Its store.
        watch: What it sees of itself.
        surroundings: How it reaches others.
    """

    def __init__(self, settings: WorkerSettings, store: Store, watch: Watch, surroundings: Surroundings) -> None:
        self.interval_seconds = min(_INTERVAL_SECONDS, settings.interval_seconds)
        self._down_after_seconds = settings.datasource_down_seconds
        self._store = store
        self._watch = watch
        url = settings.resolved_heartbeat_url()
        allowed = Allowed.of(settings.heartbeat_allow)
        self._switch = None if url is None else DeadMansSwitch(url, allowed, surroundings)

    async def look(self, recorder: Recorder) -> None:
        """Take the worker's own alerts one look further."""
        now, sight = time.time(), self._watch.sight()

        def work(connection: Connection) -> list[Change]:
            stored = {alert.fingerprint: alert for alert in read_alerts(connection, rule_keys=OWN_KEYS)}
            changes = look_at_oneself(
                sight,
                stored,
                now,
                interval_seconds=self.interval_seconds,
                down_after_seconds=self._down_after_seconds,
            )
            recorder.record(connection, changes, now)
            return changes

        log_events(await self._store(work))

    async def give_sign(self, *, recording: bool) -> None:
        """Give the sign of life where one is wanted.

        Args:
            recording: Whether there are rules, and their looks can be recorded.
        """
        if self._switch is not None:
            await self._switch.give(evaluating=recording and self._watch.sight().goes_on(time.time()))
