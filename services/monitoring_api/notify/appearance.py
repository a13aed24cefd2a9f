"""How a state looks, the same in every channel that has colours."""

from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus

RED = "#b42318"
GREEN = "#067647"
AMBER = "#b54708"


def alert_colour(alert: AlertPart) -> str:
    """Green when it has resolved, amber when it fires for want of data or an answer, else red."""
    if alert.status is NotificationStatus.RESOLVED:
        return GREEN
    return AMBER if alert.cause in {"no_data", "error"} else RED


def colour(notification: Notification) -> str:
    """The colour of a whole message: that of its gravest alert."""
    found = {alert_colour(alert) for alert in notification.alerts if alert.status is notification.status}
    if notification.status is NotificationStatus.RESOLVED:
        return GREEN
    return AMBER if found == {AMBER} else RED
