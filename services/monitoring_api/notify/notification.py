"""What a channel is asked to say: one message about a group of alerts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

_NAMES_SHOWN = 3
# What a version whose messages were about one alert kept of the message, and what of the alert.
_OLD_MESSAGE = frozenset(
    {"idempotency_key", "channel", "status", "reason", "incident", "group_labels", "created_at", "url", "late_seconds"}
)
_OLD_ALERT = frozenset(
    {"fingerprint", "incident", "alertname", "status", "fired_at", "ended_at", "url", "labels", "annotations"}
    | {"value", "cause", "error"}
)


class NotificationStatus(StrEnum):
    """What a message says about its alerts."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertPart:
    """One alert of a message. Texts come from telemetry: every channel must escape them.

    Attributes:
        fingerprint: The alert.
        incident: The same for all that is said of one firing.
        alertname: The rule's name.
        status: Whether it fires or has resolved.
        labels: Its labels.
        annotations: Its texts, rendered.
        value: The figure; None when there is none.
        cause: condition, no_data, rule_removed and the like.
        error: Why the last look gave no answer; empty when it gave one.
        fired_at: When it began to fire, epoch seconds.
        ended_at: When it resolved; None while it fires.
        url: Where the dashboard shows it; empty when unknown.
        runbook_url: What to do about it; empty when the rule names nothing.
        silence_url: Where it can be silenced; empty when unknown.
        metric: What the rule watches; empty when unknown.
        condition: When the rule breaches, like `> 0.05`; empty when unknown.
        trace_ids: A few traces to look at.
        series: The metric around the event as (epoch seconds, value or None), for a picture; empty draws none.
    """

    fingerprint: str
    incident: str
    alertname: str
    status: NotificationStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float | None
    cause: str
    error: str
    fired_at: float
    ended_at: float | None = None
    url: str = ""
    runbook_url: str = ""
    silence_url: str = ""
    metric: str = ""
    condition: str = ""
    trace_ids: tuple[str, ...] = ()
    series: tuple[tuple[float, float | None], ...] = ()

    @property
    def headline(self) -> str:
        """One line: the summary where there is one, else the rule's name."""
        return self.annotations.get("summary") or self.alertname

    def to_json(self) -> str:
        """As text for the store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "AlertPart":
        """From the store's text."""
        return _part(json.loads(text))


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one channel.

    Attributes:
        idempotency_key: The same for every attempt at this message, and for no other.
        channel: The channel's name.
        status: Firing while any of its alerts fires.
        reason: Why it is sent: first, changed, repeat, resolved, digest or test.
        group_key: The group: its messages are kept in order.
        incident: The same for all messages from the group's first firing to its last resolve: one conversation.
        group_labels: Labels that all alerts of the group share by the route's `group_by`.
        alerts: What it is about.
        created_at: When it was decided to send this, epoch seconds.
        url: Where to look; empty when unknown.
        late_seconds: How long after `created_at` it is being sent; set at each attempt.
        omitted: How many alerts were left out of a long list.
        digest: Headlines of the messages that were folded into this one.
    """

    idempotency_key: str
    channel: str
    status: NotificationStatus
    reason: str
    group_key: str
    incident: str
    group_labels: Mapping[str, str]
    alerts: tuple[AlertPart, ...]
    created_at: float
    url: str = ""
    late_seconds: float = 0.0
    omitted: int = 0
    digest: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As text for the outbox."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Notification":
        """From the outbox's text, that of a version whose messages were about one alert included."""
        fields: dict[str, Any] = json.loads(text)
        if "alerts" not in fields:
            fields = _of_one_alert(fields)
        return cls(
            **{
                **fields,
                "status": NotificationStatus(fields["status"]),
                "alerts": tuple(_part(part) for part in fields["alerts"]),
                "digest": tuple(fields.get("digest", ())),
            }
        )

    @property
    def headline(self) -> str:
        """One line: an only alert's own, else how many of which rules."""
        if self.digest:
            return f"{len(self.digest)} messages in one"
        if len(self.alerts) == 1 and not self.omitted:
            return self.alerts[0].headline
        firing = sum(alert.status is NotificationStatus.FIRING for alert in self.alerts)
        counts = [f"{number} {word}" for number, word in self._counts(firing) if number]
        return f"{', '.join(counts) or 'no alert'}{self._names()}"

    def _counts(self, firing: int) -> tuple[tuple[int, str], ...]:
        return (firing, "firing"), (len(self.alerts) - firing, "resolved"), (self.omitted, "not shown")

    def _names(self) -> str:
        names = list(dict.fromkeys(alert.alertname for alert in self.alerts))
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        return f": {', '.join(names[:_NAMES_SHOWN])}{more}" if names else ""


def _part(fields: dict[str, Any]) -> AlertPart:
    return AlertPart(
        **{
            **fields,
            "status": NotificationStatus(fields["status"]),
            "trace_ids": tuple(fields.get("trace_ids", ())),
            "series": tuple((at, value) for at, value in fields.get("series", ())),
        }
    )


def _of_one_alert(old: dict[str, Any]) -> dict[str, Any]:
    alert = {key: value for key, value in old.items() if key in _OLD_ALERT}
    message = {key: value for key, value in old.items() if key in _OLD_MESSAGE}
    return {**message, "group_key": old["fingerprint"], "alerts": [alert]}
