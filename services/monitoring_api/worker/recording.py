"""Where alerting meets notify: a state change and the messages it causes, in one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import Change, Labels, StoredAlert
from services.monitoring_api.alerting.models import AlertStatus, EventKind
from services.monitoring_api.alerting.store import write_changes
from services.monitoring_api.notify.decision import LastNotification, NotifyReason, decide
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus
from services.monitoring_api.notify.notification_file import NotificationFile, Route
from services.monitoring_api.notify.outbox import enqueue, last_notifications

_NO_ROUTE = Route(channels=())


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes changes and messages.

    Attributes:
        file: The channels and routes in force.
        dashboard_url: Where links lead.
    """

    file: NotificationFile
    dashboard_url: str

    def record(self, connection: Connection, changes: Sequence[Change], now: float) -> frozenset[str]:
        """Keep what a look made of alerts, and put the messages that are due into the outbox.

        Args:
            connection: A transaction that the caller commits.
            changes: What the look made of each alert.
            now: The present time, epoch seconds.

        Returns:
            The channels that have something new.
        """
        write_changes(connection, changes)
        spoken = [(change.alert, status) for change in changes if (status := _status(change)) is not None]
        last = last_notifications(connection, [alert.fingerprint for alert, _ in spoken])
        woken = set()
        for alert, status in spoken:
            for notification in self._due(alert, status, last, now):
                if enqueue(connection, notification):
                    woken.add(notification.channel)
        return frozenset(woken)

    def _due(
        self,
        alert: StoredAlert,
        status: NotificationStatus,
        last: Mapping[tuple[str, str], LastNotification],
        now: float,
    ) -> list[Notification]:
        routes = self.file.routes_for(alert.labels)
        there = {channel.name for channel in self.file.channels}
        told = {channel for fingerprint, channel in last if fingerprint == alert.fingerprint and channel in there}
        silent = {channel.name for channel in self.file.channels if not channel.send_resolved}
        due = []
        for channel in sorted({*routes, *told}):
            route = routes.get(channel, _NO_ROUTE)
            reason = decide(
                status,
                _incident(alert),
                last.get((alert.fingerprint, channel)),
                repeat_interval_seconds=route.repeat_interval,
                send_resolved=channel not in silent,
                routed=channel in routes,
                now=now,
            )
            if reason.due:
                due.append(self._notification(alert, channel, reason, route.group_labels(alert.labels), now))
        return due

    def _notification(
        self, alert: StoredAlert, channel: str, reason: NotifyReason, group: Labels, now: float
    ) -> Notification:
        status = NotificationStatus.RESOLVED if reason is NotifyReason.RESOLVED else NotificationStatus.FIRING
        # A repeat is named by when it fell due, everything else by the incident alone.
        occasion = f"{now:.3f}" if reason is NotifyReason.REPEAT else ""
        named = "|".join((_incident(alert), channel, str(status), occasion))
        return Notification(
            idempotency_key=hashlib.sha256(named.encode()).hexdigest()[:32],
            channel=channel,
            status=status,
            reason=str(reason),
            group_key=alert.fingerprint,
            incident=_incident(alert),
            group_labels=dict(group),
            alerts=(self._part(alert, status, now),),
            created_at=now,
            url=self.dashboard_url,
        )

    def _part(self, alert: StoredAlert, status: NotificationStatus, now: float) -> AlertPart:
        state = alert.state
        return AlertPart(
            fingerprint=alert.fingerprint,
            incident=_incident(alert),
            alertname=alert.rule,
            status=status,
            labels=dict(alert.labels),
            annotations=dict(alert.annotations),
            value=state.value,
            cause=str(state.cause),
            error=state.error or "",
            fired_at=state.fired_at or now,
            ended_at=state.resolved_at if status is NotificationStatus.RESOLVED else None,
            url=self.dashboard_url,
        )


def _status(change: Change) -> NotificationStatus | None:
    if change.alert.state.status is AlertStatus.FIRING:
        return NotificationStatus.FIRING
    if any(event.kind is EventKind.RESOLVED for event in change.events):
        return NotificationStatus.RESOLVED
    return None


def _incident(alert: StoredAlert) -> str:
    return f"{alert.fingerprint}-{int((alert.state.fired_at or 0.0) * 1000)}"
