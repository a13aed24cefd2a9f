"""An alert as a message shows it: where what alerting keeps becomes what notify tells."""

from services.monitoring_api.alerting.evaluation import StoredAlert
from services.monitoring_api.alerting.incident import incident_of
from services.monitoring_api.notify.notification import AlertPart, NotificationStatus


def alert_part(alert: StoredAlert, status: NotificationStatus, *, dashboard_url: str, now: float) -> AlertPart:
    """What a message says of an alert.

    Args:
        alert: The alert as it is stored.
        status: Whether it fires or has just ended.
        dashboard_url: Where links lead.
        now: The present time, epoch seconds.
    """
    state = alert.state
    return AlertPart(
        fingerprint=alert.fingerprint,
        incident=incident_of(alert),
        alertname=alert.rule,
        status=status,
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        value=state.value,
        cause=str(state.cause),
        error=state.error or "",
        fired_at=state.fired_at or now,
        ended_at=(state.resolved_at or now) if status is NotificationStatus.RESOLVED else None,
        url=alert.url or dashboard_url,
        silence_url=f"{dashboard_url.rstrip('/')}/alerts?alert={alert.fingerprint}" if dashboard_url else "",
        runbook_url=alert.runbook or alert.annotations.get("runbook_url", ""),
        metric=alert.metric,
        condition=alert.condition,
        trace_ids=tuple(alert.trace_ids),
    )
