"""The words of a message, the same in every channel: facts in order, and text made safe to show."""

import math
import unicodedata

from services.monitoring_api.configuration.duration import format_duration
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus

LATE_SECONDS = 300.0


def one_line(text: str, maximum: int) -> str:
    """Text without line breaks and control characters, cut off at a length."""
    looked_at = text[: 4 * maximum]
    kept = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else c for c in looked_at)
    more = "…" if len(looked_at) < len(text) else ""
    return cut(" ".join(kept.split()) + more, maximum)


def cut(text: str, maximum: int) -> str:
    """Text of at most so many characters that any medium can encode; a cut shows."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= maximum else text[: maximum - 1] + "…"


def title(notification: Notification) -> str:
    """What happened, in one line."""
    return one_line(f"[{notification.status.upper()}] {notification.headline}", 150)


def alert_title(alert: AlertPart) -> str:
    """What is with one alert, in one line."""
    return one_line(f"[{alert.status.upper()}] {alert.headline}", 150)


def message_facts(notification: Notification) -> list[tuple[str, str]]:
    """What is known about the message as a whole, as pairs of name and text; often nothing."""
    found = []
    if notification.reason == "repeat":
        found.append(("Why", "a reminder: it is still firing"))
    if notification.late_seconds >= LATE_SECONDS:
        found.append(("Sent late", f"{format_duration(notification.late_seconds)} after it was due"))
    return found


def alert_facts(alert: AlertPart) -> list[tuple[str, str]]:
    """What is known about one alert, as pairs of name and text."""
    found = [("Alert", alert.alertname)]
    if alert.value is not None and math.isfinite(alert.value):
        found.append(("Value", f"{alert.value:.6g}"))
    if alert.condition:
        found.append(("Condition", f"{alert.metric} {alert.condition}".strip()))
    found.append(("Firing since", rfc3339(alert.fired_at)))
    if alert.ended_at is not None:
        lasted = format_duration(alert.ended_at - alert.fired_at)
        found.append(("Resolved", f"{rfc3339(alert.ended_at)} (after {lasted})"))
    if why := _why(alert):
        found.append(("Why", why))
    if alert.error:
        found.append(("Not sure", f"the last look at it failed: {alert.error}"))
    if alert.trace_ids:
        found.append(("Traces", ", ".join(alert.trace_ids)))
    labels = ", ".join(f"{key}={value}" for key, value in sorted(alert.labels.items()))
    return [*found, ("Labels", labels)]


def left_out(notification: Notification, shown: int) -> str:
    """How many alerts a message doesn't show, as a sentence; empty when it shows all.

    Args:
        notification: The message.
        shown: How many of its alerts the channel has room for.
    """
    hidden = notification.omitted + max(0, len(notification.alerts) - shown)
    return f"{hidden} more {'alert is' if hidden == 1 else 'alerts are'} not shown here." if hidden else ""


def _why(alert: AlertPart) -> str:
    if alert.cause == "rule_removed":
        return "the rule was removed or changed; nothing is known about the condition"
    if alert.cause == "no_data":
        return "there is no data" if alert.status is NotificationStatus.FIRING else "there is no more data"
    return ""
