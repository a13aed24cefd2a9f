"""What the monitoring API answers about alerts, silences, rules, channels and messages, as frozen models."""

from datetime import datetime
from typing import Any

from pydantic import Field

from dashboard.answers import Answer, Labels, Point


class Event(Answer):
    """Something that happened to an alert; of two at the same time the one with the higher id is the later."""

    id: int = 0
    kind: str
    at: datetime
    value: float | None = None
    cause: str = ""
    error: str | None = None


class AlertHistory(Answer):
    """What happened to one alert, the newest first."""

    fingerprint: str
    events: tuple[Event, ...] = ()
    next_cursor: int | None = None


class Stretch(Answer):
    """A stretch of time that an alert spent pending or firing; without an end it lasted beyond the range."""

    state: str
    start: datetime = Field(alias="from")
    end: datetime | None = Field(default=None, alias="to")


class AlertStretches(Answer):
    """What one alert did over a range; without labels where it is no longer kept."""

    fingerprint: str = ""
    rule: str
    labels: Labels = Field(default_factory=dict)
    stretches: tuple[Stretch, ...] = ()


class AlertTimeline(Answer):
    """What all alerts did over a range, those of the newest stretches first."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    known_from: datetime
    alerts: tuple[AlertStretches, ...] = ()
    truncated: bool = False


class Acknowledgement(Answer):
    """Who has taken an alert on."""

    author: str


class Silence(Answer):
    """One silence."""

    id: str
    state: str
    matchers: tuple[str, ...] = ()
    starts_at: datetime
    ends_at: datetime
    author: str = ""
    comment: str = ""
    ended_by: str | None = None
    alerts: tuple[str, ...] = ()


class Silences(Answer):
    """All silences."""

    silences: tuple[Silence, ...] = ()


class Rule(Answer):
    """One rule and how it does."""

    name: str
    group: str = ""
    definition: dict[str, Any] = Field(default_factory=dict)
    metric: str | None = None
    condition: str = ""
    window_seconds: float | None = None
    for_seconds: float | None = None
    labels: Labels = Field(default_factory=dict)
    health: str = ""
    error: str | None = None
    last_evaluated_at: datetime | None = None
    firing: int = 0
    pending: int = 0


class Rules(Answer):
    """All rules, and what is wrong with their file."""

    rules: tuple[Rule, ...] = ()
    error: str | None = None


class Firing(Answer):
    """A time that an alert would have fired, and what labels later said of it; without an end it still did."""

    start: datetime = Field(alias="from")
    end: datetime | None = Field(default=None, alias="to")
    value: float | None = None
    verdict: str | None = None
    lead_seconds: float | None = None


class BacktestSeries(Answer):
    """What one alert would have done."""

    fingerprint: str = ""
    labels: Labels = Field(default_factory=dict)
    points: tuple[Point, ...] = ()
    firing: tuple[Firing, ...] = ()
    transitions: tuple[Event, ...] = ()


class Grade(Answer):
    """What labels later said of the firings."""

    bad_when: str = ""
    precision: float | None = None
    recall: float | None = None
    lead_seconds: float | None = None


class Backtest(Answer):
    """What one rule would have done between two times."""

    alert: str
    labels: Labels = Field(default_factory=dict)
    metric: str | None = None
    condition: str = ""
    threshold: float | None = None
    interval_seconds: float
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    looks: int = 0
    fired: int = 0
    alerts: int = 0
    series: tuple[BacktestSeries, ...] = ()
    grade: Grade | None = None
    ungraded: str | None = None


class Backtests(Answer):
    """What the rules of one name would have done."""

    backtests: tuple[Backtest, ...] = ()


class Channel(Answer):
    """A way to reach people."""

    name: str
    type: str = ""
    target: str = ""
    missing: str | None = None
    state: str = "idle"
    waiting: int = 0
    abandoned: int = 0
    last_delivered_at: datetime | None = None
    failing_since: datetime | None = None
    reason: str | None = None


class Channels(Answer):
    """All channels, and what is wrong with their file."""

    channels: tuple[Channel, ...] = ()
    error: str | None = None


class ChannelVerdict(Answer):
    """What came of a channel's test."""

    channel: str
    delivered: bool
    detail: str = ""
    remedy: str = ""


class AboutAlert(Answer):
    """An alert that a message is about."""

    fingerprint: str
    alertname: str = ""
    status: str = ""
    labels: dict[str, str] = Field(default_factory=dict)


class Notification(Answer):
    """One message to one channel."""

    id: int
    channel: str
    status: str = ""
    reason: str = ""
    headline: str = ""
    alerts: tuple[AboutAlert, ...] = ()
    state: str = ""
    attempts: int = 0
    created_at: datetime
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    abandoned_at: datetime | None = None
    detail: str | None = None


class Notifications(Answer):
    """Messages, the newest first."""

    notifications: tuple[Notification, ...] = ()
    next_cursor: int | None = None


class Resent(Answer):
    """Which messages wait again."""

    resent: tuple[int, ...] = ()


class Mail(Answer):
    """A mail that the demo's mail server has taken."""

    id: str
    received_at: datetime
    subject: str = ""
    sender: str = ""
    to: str = ""
    text: str = ""
    html: str = ""


class Mails(Answer):
    """Mails, the newest first."""

    mails: tuple[Mail, ...] = ()
