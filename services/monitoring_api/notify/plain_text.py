"""The words of a message, the same in every channel: facts in order, and text made safe to show."""

import math
import unicodedata

from services.monitoring_api.configuration.duration import format_duration
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.notification import Notification, NotificationStatus

LATE_SECONDS = 300.0


def one_line(text: str, maximum: int) -> str:
    """Text without line breaks and control characters, cut off at a length."""
    kept = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else c for c in text)
    return cut(" ".join(kept.split()), maximum)


def cut(text: str, maximum: int) -> str:
    """Text of at most so many characters that any medium can encode; a cut shows."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= maximum else text[: maximum - 1] + "…"


def title(notification: Notification) -> str:
    """What happened, in one line."""
    return one_line(f"[{notification.status.upper()}] {notification.headline}", 150)


def facts(notification: Notification) -> list[tuple[str, str]]:
    """What is known about it, as pairs of name and text."""
    found = [("Alert", notification.alertname)]
    if notification.value is not None and math.isfinite(notification.value):
        found.append(("Value", f"{notification.value:.6g}"))
    found.append(("Firing since", rfc3339(notification.fired_at)))
    if notification.ended_at is not None:
        lasted = format_duration(notification.ended_at - notification.fired_at)
        found.append(("Resolved", f"{rfc3339(notification.ended_at)} (after {lasted})"))
    if why := _why(notification):
        found.append(("Why", why))
    if notification.error:
        found.append(("Not sure", f"the last look at it failed: {notification.error}"))
    if notification.late_seconds >= LATE_SECONDS:
        found.append(("Sent late", f"{format_duration(notification.late_seconds)} after it was due"))
    labels = ", ".join(f"{key}={value}" for key, value in sorted(notification.labels.items()))
    return [*found, ("Labels", labels)]


def _why(notification: Notification) -> str:
    if notification.cause == "rule_removed":
        return "the rule was removed or changed; nothing is known about the condition"
    if notification.cause == "no_data":
        return "there is no data" if notification.status is NotificationStatus.FIRING else "there is no more data"
    return "a reminder: it is still firing" if notification.reason == "repeat" else ""
