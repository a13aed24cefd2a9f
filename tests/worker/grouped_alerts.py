"""Alerts that fire and end as a test says, with the recorder and the flusher on a store in memory."""

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from services.monitoring_api.alerting import store as alert_store
from services.monitoring_api.alerting.evaluation import Change, StoredAlert
from services.monitoring_api.alerting.fingerprint import fingerprint
from services.monitoring_api.alerting.models import AlertEvent, AlertState, AlertStatus, Cause, EventKind
from services.monitoring_api.notify.notification import Notification
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.notify.tables import groups, metadata, notifications
from services.monitoring_api.worker.flushing import Flusher
from services.monitoring_api.worker.recording import Recorder

START = 1_795_000_000.0
LOG = [{"name": "log", "type": "log"}]


class GroupedAlerts:
    """Alerts by their names, one channel `log` unless the file says otherwise, and a clock that tests move.

    Args:
        file: What the notifications file holds.
    """

    def __init__(self, **file: Any) -> None:
        self.engine = sa.create_engine("sqlite://", poolclass=StaticPool)
        alert_store.metadata.create_all(self.engine)
        metadata.create_all(self.engine)
        self.now = START
        self.alerts: dict[str, StoredAlert] = {}
        self.file: NotificationFile | None = None
        self._read = 0
        self.configure(**file)

    def configure(self, **file: Any) -> None:
        """Put another file in force."""
        self.file = NotificationFile.model_validate({"channels": LOG, **file})

    def unreadable(self) -> None:
        """No file could be read."""
        self.file = None

    def fire(self, *names: str, cause: Cause = Cause.CONDITION, value: float = 1.0, **labels: str) -> None:
        """Let alerts fire."""
        changes = [change_of(name, self.now, cause=cause, value=value, **labels) for name in names]
        self.alerts |= {name: change.alert for name, change in zip(names, changes, strict=True)}
        self._record(changes)

    def end(self, *names: str) -> None:
        """Let alerts end."""
        for name in names:
            alert = self.alerts[name]
            state = AlertState(
                AlertStatus.RESOLVED, alert.state.cause, fired_at=alert.state.fired_at, resolved_at=self.now, value=0.0
            )
            self.alerts[name] = StoredAlert(
                alert.fingerprint, alert.rule, alert.rule_key, alert.labels, alert.annotations, state
            )
        self._record([Change(self.alerts[name], (AlertEvent(EventKind.RESOLVED, self.now),)) for name in names])

    def look(self, **values: float) -> None:
        """Look at all alerts once more, as a round does; nothing happens but that figures may have changed."""
        for name, alert in self.alerts.items():
            if name in values:
                state = AlertState(AlertStatus.FIRING, fired_at=alert.state.fired_at, value=values[name])
                self.alerts[name] = StoredAlert(
                    alert.fingerprint, alert.rule, alert.rule_key, alert.labels, alert.annotations, state
                )
        self._record([Change(alert, ()) for alert in self.alerts.values()])

    def _record(self, changes: list[Change]) -> None:
        with self.engine.begin() as connection:
            Recorder(self.file, "http://dashboard").record(connection, changes, self.now)

    def flush(self) -> list[Notification]:
        """Decide about what is due; return the messages that came of it."""
        with self.engine.begin() as connection:
            flusher = Flusher(self.file, "http://dashboard")
            while flusher.flush(connection, self.now).more:
                pass
            new = sa.select(notifications.c.id, notifications.c.body).where(notifications.c.id > self._read)
            rows = connection.execute(new.order_by(notifications.c.id)).all()
            self._read = max([self._read, *(row.id for row in rows)])
        return [Notification.from_json(row.body) for row in rows]

    def told(self, seconds: float = 0.0) -> list[str]:
        """Let time pass; return what was told, `reason: status name, ...`."""
        return [shown(one) for one in self.pass_time(seconds)]

    def pass_time(self, seconds: float) -> list[Notification]:
        """Let time pass, and flush whenever something is due; return the messages."""
        until = self.now + seconds
        found = self.flush()
        while self.now < until:
            # To the next time that something is due, as if the flusher looked all the time.
            self.now = min(until, max(self._next_due(), self.now + 1.0))
            found += self.flush()
        return found

    def _next_due(self) -> float:
        with self.engine.begin() as connection:
            return connection.execute(sa.select(sa.func.min(groups.c.due_at))).scalar() or math.inf

    def delivered(self) -> None:
        """All that is in the outbox arrives."""
        with self.engine.begin() as connection:
            waiting = notifications.c.delivered_at.is_(None)
            connection.execute(sa.update(notifications).where(waiting).values(delivered_at=self.now))


def change_of(name: str, now: float, *, cause: Cause = Cause.CONDITION, value: float = 1.0, **labels: str) -> Change:
    """What a look makes of an alert that begins to fire; `A/1` is the instance A/1 of the rule A."""
    all_labels = {"alertname": name.partition("/")[0], "instance": name, **labels}
    state = AlertState(AlertStatus.FIRING, cause, fired_at=now, active_since=now, value=value)
    alert = StoredAlert(fingerprint(all_labels), all_labels["alertname"], "key", all_labels, {"summary": name}, state)
    return Change(alert, (AlertEvent(EventKind.FIRED, now),))


def shown(notification: Notification) -> str:
    """A message in a few words."""
    alerts = ", ".join(f"{alert.status} {alert.headline}" for alert in notification.alerts)
    return f"{notification.reason}: {alerts}"
