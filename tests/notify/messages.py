"""Notifications to send."""

from services.monitoring_api.notify.notification import Notification, NotificationStatus


def firing(**given) -> Notification:
    """One that fires."""
    fields = {
        "idempotency_key": "0123456789abcdef0123456789abcdef",
        "channel": "ops",
        "status": NotificationStatus.FIRING,
        "reason": "first",
        "fingerprint": "00ff00ff00ff00ff",
        "incident": "00ff00ff00ff00ff-1795433550000",
        "alertname": "TooManyErrors",
        "fired_at": 1_795_433_550.0,
        "created_at": 1_795_433_551.0,
        "labels": {"alertname": "TooManyErrors", "severity": "page"},
        "annotations": {"summary": "error ratio 9.0 %", "description": "one\ntwo"},
        "group_labels": {"alertname": "TooManyErrors"},
        "value": 0.09,
        "url": "http://127.0.0.1:8501/?a=1&b=2",
    }
    return Notification(**{**fields, **given})


def resolved(**given) -> Notification:
    """The end of the same."""
    fields = {"status": NotificationStatus.RESOLVED, "reason": "resolved", "idempotency_key": "f" * 32, "value": 0.01}
    return firing(**{**fields, "ended_at": 1_795_433_700.0, **given})


# Everything that a label could try: headers, markup, Slack's control sequences, control and direction characters.
HOSTILE = (
    "x\r\nBcc: thief@example.org\r\n\r\nbody <script>alert(1)</script> <!channel> <!here> <@U123> "
    "<https://evil.example|click> & \x00 \x1b[31m \u202e \u2028 \ud800 ' \" */"
)
