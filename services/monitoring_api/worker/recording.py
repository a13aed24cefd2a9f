"""Where alerting meets notify: a state change, and whom that concerns, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from services.monitoring_api.alerting.evaluation import Change
from services.monitoring_api.alerting.models import AlertStatus, EventKind
from services.monitoring_api.alerting.store import write_changes
from services.monitoring_api.notify.membership import join
from services.monitoring_api.notify.notification import NotificationStatus
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.worker.alert_part import alert_part


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes changes, and which groups they make due.

    Attributes:
        file: The channels and routes in force; None while none could be read: then only ends are noted.
        dashboard_url: Where links lead.
    """

    file: NotificationFile | None
    dashboard_url: str

    def record(self, connection: Connection, changes: Sequence[Change], now: float) -> frozenset[str]:
        """Keep what a look made of alerts, and let the groups that this concerns be decided about.

        Args:
            connection: A transaction that the caller commits.
            changes: What the look made of each alert.
            now: The present time, epoch seconds.

        Returns:
            The channels whose groups changed.
        """
        write_changes(connection, changes)
        parts = [
            alert_part(change.alert, status, dashboard_url=self.dashboard_url, now=now)
            for change in changes
            if (status := _status(change)) is not None
        ]
        return join(connection, parts, None if self.file is None else self.file.routes_for, now)


def _status(change: Change) -> NotificationStatus | None:
    if change.alert.state.status is AlertStatus.FIRING:
        return NotificationStatus.FIRING
    if any(event.kind is EventKind.RESOLVED for event in change.events):
        return NotificationStatus.RESOLVED
    return None
