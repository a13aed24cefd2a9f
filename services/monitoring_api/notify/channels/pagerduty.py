"""Channel `pagerduty`: Events API v2. One event per alert, which triggers and later resolves one incident.

https://developer.pagerduty.com/docs/send-alert-event and /docs/events-api-v2-overview (sizes)
"""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, one_source
from services.monitoring_api.notify.http_channel import HttpChannel, HttpChannelConfig, callable_url, origin
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus
from services.monitoring_api.notify.plain_text import alert_facts, cut, one_line, title
from services.monitoring_api.notify.secret_source import SecretSource

SUMMARY_LIMIT = 1_024
EVENT_LIMIT_BYTES = 512_000
DEDUP_KEY_LIMIT = 255
_FIELD_LIMIT = 1_024
_LINKS_URL_LIMIT = 2_000
_MOST_DETAILS = 100
_AT_ONCE = 8
_SEVERITIES = {
    **dict.fromkeys(("critical", "page", "fatal"), "critical"),
    **dict.fromkeys(("error", "high"), "error"),
    **dict.fromkeys(("warning", "ticket", "low"), "warning"),
    "info": "info",
}
_UNLABELLED = "error"


class PagerDutyConfig(HttpChannelConfig):
    """Its entry in the notifications file."""

    keeps_state: ClassVar[bool] = True

    type: Literal["pagerduty"] = Field(description="A PagerDuty service with an Events API v2 integration.")
    routing_key_env: str | None = Field(
        default=None, pattern=VARIABLE, description="Variable with the integration key."
    )
    routing_key_file: Path | None = Field(default=None, description="File with the integration key.")
    url: Annotated[str, AfterValidator(callable_url)] = Field(
        default="https://events.pagerduty.com/v2/enqueue",
        description="Where events go; https://events.eu.pagerduty.com/v2/enqueue for an account in the EU.",
    )

    @model_validator(mode="after")
    def _whole(self) -> "PagerDutyConfig":
        if not one_source("routing_key", self.routing_key_env, self.routing_key_file):
            raise ValueError("missing: give routing_key_env or routing_key_file")
        return self

    def build(self, surroundings: Surroundings) -> "PagerDutyChannel":
        """The channel."""
        return PagerDutyChannel(self, surroundings)

    @property
    def target(self) -> str:
        """Where it sends to."""
        return f"{origin(self.url)} with the key in {self.routing_key_env or self.routing_key_file}"

    def secrets(self) -> tuple[SecretSource, ...]:
        """The integration key."""
        return (one_source("routing_key", self.routing_key_env, self.routing_key_file),)


class PagerDutyChannel(HttpChannel[PagerDutyConfig]):
    """Sends events, a few at once."""

    async def send(self, notification: Notification) -> str:
        """Send every alert's event; confirmed when all were taken. A second attempt changes nothing there."""
        key = self.config.secrets()[0].read(self.surroundings.environment)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(event: dict[str, Any]) -> str:
            async with places:
                return await self._enqueue(event, key, notification.idempotency_key)

        outcomes = await asyncio.gather(*(one(event) for event in compose(notification)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures:
            # One that may pass is the better reason to try again soon.
            raise next((f for f in failures if not getattr(f, "permanent", False)), failures[0])
        taken = f"{len(outcomes)} events taken; " if len(outcomes) != 1 else ""
        return taken + str(outcomes[-1])

    async def reach(self) -> str:
        """Connect, with the key at hand."""
        self.config.secrets()[0].read(self.surroundings.environment)
        return await self.sender.reach(SecretStr(self.config.url))

    async def _enqueue(self, event: dict[str, Any], key: SecretStr, idempotency_key: str) -> str:
        body = within_limit({"routing_key": key.get_secret_value(), **event})
        try:
            receipt = await self.post(SecretStr(self.config.url), body, idempotency_key, {})
        except DeliveryFailedError as error:
            # A receiver may quote what it was sent.
            said = error.message.replace(key.get_secret_value(), "…")
            source = self.config.routing_key_env or self.config.routing_key_file
            remedy = f"check the integration key in {source}" if " answered 400" in said else error.remedy
            raise error.explained(remedy, message=said) from None
        return receipt.replace(key.get_secret_value(), "…")


def compose(notification: Notification) -> list[dict[str, Any]]:
    """The events, without the key: one per alert, or one for a digest that holds none."""
    if not notification.alerts:
        return [_of_message(notification)]
    return [_event(alert, notification) for alert in notification.alerts]


def within_limit(event: dict[str, Any]) -> bytes:
    """The event as JSON of at most 512 KB: the details are cut as far as it takes."""
    for limit in (4_000, 1_000, 200, 0):
        body = json.dumps(_with_details_cut(event, limit), ensure_ascii=False).encode("utf-8", "replace")
        if len(body) <= EVENT_LIMIT_BYTES:
            return body
    raise DeliveryFailedError("the event is larger than PagerDuty takes", permanent=True)


def _with_details_cut(event: dict[str, Any], limit: int) -> dict[str, Any]:
    payload = event.get("payload")
    if payload is None:
        return event
    details = dict(list(payload["custom_details"].items())[:_MOST_DETAILS]) if limit else {}
    short = {cut(str(name), 200): cut(str(text), limit) for name, text in details.items()}
    return {**event, "payload": {**payload, "custom_details": short}}


def _event(alert: AlertPart, notification: Notification) -> dict[str, Any]:
    # The same for the trigger and the resolve of one firing, whatever group they are told with.
    dedup_key = cut(alert.incident, DEDUP_KEY_LIMIT)
    if alert.status is NotificationStatus.RESOLVED:
        return {"event_action": "resolve", "dedup_key": dedup_key}
    details = {name: text for name, text in alert_facts(alert) if name != "Labels"}
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "Sightglass",
        "links": _links(alert),
        "payload": {
            "summary": one_line(alert.headline, SUMMARY_LIMIT) or "an alert without a name",
            "source": one_line(alert.labels.get("service", ""), _FIELD_LIMIT) or "sightglass",
            "severity": _SEVERITIES.get(alert.labels.get("severity", "").lower(), _UNLABELLED),
            "timestamp": rfc3339(alert.fired_at),
            "class": one_line(alert.alertname, _FIELD_LIMIT),
            "group": one_line(_group(notification), _FIELD_LIMIT),
            "custom_details": {
                **details,
                "Idempotency key": notification.idempotency_key,
                **{f"label {name}": text for name, text in alert.labels.items()},
                **{name: text for name, text in alert.annotations.items() if name != "summary"},
            },
        },
    }
    if _is_link(alert.url):
        event["client_url"] = alert.url
    return event


def _of_message(notification: Notification) -> dict[str, Any]:
    return {
        "event_action": "trigger",
        "dedup_key": cut(notification.idempotency_key, DEDUP_KEY_LIMIT),
        "client": "Sightglass",
        "payload": {
            "summary": one_line(title(notification), SUMMARY_LIMIT),
            "source": "sightglass",
            "severity": "info",
            "timestamp": rfc3339(notification.created_at),
            "custom_details": {str(i): line for i, line in enumerate(notification.digest, 1)},
        },
    }


def _group(notification: Notification) -> str:
    return ", ".join(f"{name}={text}" for name, text in sorted(notification.group_labels.items()))


def _links(alert: AlertPart) -> list[dict[str, str]]:
    links = (
        (alert.url, "Open the dashboard"),
        (alert.runbook_url, "Runbook"),
        (alert.silence_url, "Silence"),
    )
    return [{"href": href, "text": text} for href, text in links if _is_link(href)]


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://")) and len(url) <= _LINKS_URL_LIMIT and url.isprintable()
