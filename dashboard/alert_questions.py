"""What the Alerts page asks of the monitoring API, and what it asks it to do."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from dashboard.alert_answers import (
    Acknowledgement,
    AlertHistory,
    AlertTimeline,
    Backtests,
    Channels,
    ChannelVerdict,
    Mails,
    Notifications,
    Resent,
    Rules,
    Silence,
    Silences,
)
from dashboard.api_client import Action, Question
from dashboard.time_range import TimeRange

MOST_EVENTS: Final = 500
MOST_NOTIFICATIONS: Final = 100
MOST_MAILS: Final = 20
# A mail server may take its time, and so may months of data.
_PATIENCE_SECONDS: Final = 130.0


def alert_history(fingerprint: str) -> Question[AlertHistory]:
    """What happened to an alert."""
    path = f"/api/v1/alerts/{_part(fingerprint)}/history"
    return Question(path, AlertHistory, (("limit", str(MOST_EVENTS)),))


def alert_timeline(period: TimeRange) -> Question[AlertTimeline]:
    """What all alerts did over a range."""
    return Question("/api/v1/alerts/timeline", AlertTimeline, (("from", period.start), ("to", period.end)))


def silences() -> Question[Silences]:
    """Every silence."""
    return Question("/api/v1/silences", Silences)


def rules() -> Question[Rules]:
    """Every rule and how it does."""
    return Question("/api/v1/rules", Rules)


def channels() -> Question[Channels]:
    """Every channel and how it does."""
    return Question("/api/v1/channels", Channels)


def notifications(*, channel: str = "", state: str = "", fingerprint: str = "") -> Question[Notifications]:
    """The newest messages; empty texts ask for any."""
    asked = (("channel", channel), ("state", state), ("fingerprint", fingerprint))
    chosen = [pair for pair in asked if pair[1]]
    return Question("/api/v1/notifications", Notifications, (*chosen, ("limit", str(MOST_NOTIFICATIONS))))


def mails() -> Question[Mails]:
    """The demo's mails."""
    return Question("/api/v1/mails", Mails, (("limit", str(MOST_MAILS)),))


def acknowledge(fingerprint: str, comment: str) -> Action[Acknowledgement]:
    """Take an alert on."""
    path = f"/api/v1/alerts/{_part(fingerprint)}/acknowledge"
    return Action("POST", path, Acknowledgement, {"comment": comment})


def create_silence(matchers: Sequence[str], duration: str, comment: str) -> Action[Silence]:
    """Tell nobody of certain alerts for a time."""
    body = {"matchers": list(matchers), "duration": duration, "comment": comment}
    return Action("POST", "/api/v1/silences", Silence, body)


def expire_silence(silence_id: str) -> Action[Silence]:
    """End a silence now."""
    return Action("DELETE", f"/api/v1/silences/{_part(silence_id)}", Silence)


def test_channel(name: str) -> Action[ChannelVerdict]:
    """Send a real message."""
    path = f"/api/v1/channels/{_part(name)}/test"
    return Action("POST", path, ChannelVerdict, timeout_seconds=_PATIENCE_SECONDS)


def resend(notification_id: int) -> Action[Resent]:
    """Send a message that was given up."""
    return Action("POST", f"/api/v1/notifications/{notification_id}/resend", Resent)


def backtest(rule: str, *, start: str, end: str) -> Action[Backtests]:
    """What a rule would have done."""
    path = f"/api/v1/rules/{_part(rule)}/backtest"
    return Action("POST", path, Backtests, {"from": start, "to": end}, timeout_seconds=_PATIENCE_SECONDS)


def _part(text: str) -> str:
    return quote(text, safe="")
