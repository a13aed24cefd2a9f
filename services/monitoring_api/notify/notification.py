"""What a channel is asked to say."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class NotificationStatus(StrEnum):
    """What a message says about its alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message about one alert to one channel. Texts come from telemetry: every channel must escape them.

    Attributes:
        idempotency_key: The same for every attempt at this message, and for no other.
        channel: The channel's name.
        status: What it says.
        reason: Why it is sent: first, repeat, resolved or test.
        fingerprint: The alert.
        incident: The same for all messages of one firing.
        alertname: The rule's name.
        labels: The alert's labels.
        annotations: The alert's texts, rendered.
        group_labels: Labels that the route groups by.
        value: The figure; None when there is none.
        cause: condition, no_data or rule_removed.
        error: Why the last look gave no answer; empty when it gave one.
        fired_at: When the alert began to fire, epoch seconds.
        ended_at: When it resolved; None while it fires.
        created_at: When it was decided to send this.
        url: Where to look; empty when unknown.
        late_seconds: How long after `created_at` it is being sent; set at each attempt.
    """

    idempotency_key: str
    channel: str
    status: NotificationStatus
    reason: str
    fingerprint: str
    incident: str
    alertname: str
    fired_at: float
    created_at: float
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    group_labels: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    cause: str = "condition"
    error: str = ""
    ended_at: float | None = None
    url: str = ""
    late_seconds: float = 0.0

    def to_json(self) -> str:
        """As text for the outbox."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Notification":
        """From the outbox's text."""
        fields = json.loads(text)
        return cls(**{**fields, "status": NotificationStatus(fields["status"])})

    @property
    def headline(self) -> str:
        """One line: the summary where there is one, else the rule's name."""
        return self.annotations.get("summary") or self.alertname
