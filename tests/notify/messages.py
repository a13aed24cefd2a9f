"""Notifications to send."""

from dataclasses import fields

from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus

_PART = {field.name for field in fields(AlertPart)}
_OF_BOTH = {"status", "incident", "url"}


def part(**given) -> AlertPart:
    """An alert that fires."""
    known = {
        "fingerprint": "00ff00ff00ff00ff",
        "incident": "00ff00ff00ff00ff-1795433550000",
        "alertname": "TooManyErrors",
        "status": NotificationStatus.FIRING,
        "labels": {"alertname": "TooManyErrors", "severity": "page"},
        "annotations": {"summary": "error ratio 9.0 %", "description": "one\ntwo"},
        "value": 0.09,
        "cause": "condition",
        "error": "",
        "fired_at": 1_795_433_550.0,
        "url": "http://127.0.0.1:8501/?a=1&b=2",
    }
    return AlertPart(**{**known, **given})


def firing(**given) -> Notification:
    """A message about one alert that fires; what belongs to the alert may be given too."""
    known = {
        "idempotency_key": "0123456789abcdef0123456789abcdef",
        "channel": "ops",
        "status": NotificationStatus.FIRING,
        "reason": "first",
        "group_key": given.get("fingerprint", "00ff00ff00ff00ff"),
        "incident": "00ff00ff00ff00ff-1795433550000",
        "group_labels": {"alertname": "TooManyErrors"},
        "created_at": 1_795_433_551.0,
        "url": "http://127.0.0.1:8501/?a=1&b=2",
    }
    if "alerts" not in given:
        known["alerts"] = (part(**{key: value for key, value in given.items() if key in _PART}),)
    mine = {key: value for key, value in given.items() if key not in _PART - _OF_BOTH}
    return Notification(**{**known, **mine})


def resolved(**given) -> Notification:
    """The end of the same."""
    known = {"status": NotificationStatus.RESOLVED, "reason": "resolved", "idempotency_key": "f" * 32, "value": 0.01}
    return firing(**{**known, "ended_at": 1_795_433_700.0, **given})


def many(count: int, **given) -> Notification:
    """A message about so many alerts, every third of them resolved."""
    parts = [
        part(
            fingerprint=f"{i:016x}",
            labels={"alertname": "TooManyErrors", "severity": "page", "model_version": f"v{i}"},
            annotations={"summary": f"error ratio of v{i}"},
            **({"status": NotificationStatus.RESOLVED, "ended_at": 1_795_433_700.0} if i % 3 == 2 else {}),
        )
        for i in range(count)
    ]
    return firing(alerts=tuple(parts), group_key="a group", **given)


# Everything that a label could try: headers, markup, Slack's control sequences, control and direction characters.
HOSTILE = (
    "x\r\nBcc: thief@example.org\r\n\r\nbody <script>alert(1)</script> <!channel> <!here> <@U123> "
    "<https://evil.example|click> & \x00 \x1b[31m \u202e \u2028 \ud800 ' \" */"
)
