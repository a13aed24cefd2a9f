"""Channel `webhook`: Alertmanager's webhook JSON, version 4, so that its receivers work unchanged.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.body_template import check_body_template, render_body
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, one_source
from services.monitoring_api.notify.http_channel import HttpChannel, ReceiverConfig
from services.monitoring_api.notify.notification import AlertPart, Notification
from services.monitoring_api.notify.plain_text import title
from services.monitoring_api.notify.secret_source import SecretSource
from services.monitoring_api.notify.signature import HEADER, sign

# Alertmanager's zero time: an alert without an end.
_NO_END = "0001-01-01T00:00:00Z"


class WebhookConfig(ReceiverConfig):
    """Its entry in the notifications file."""

    type: Literal["webhook"] = Field(description="Alertmanager's webhook JSON, version 4, or a body of your own.")
    secret_env: str | None = Field(default=None, pattern=VARIABLE, description=f"Variable with the key of {HEADER}.")
    secret_file: Path | None = Field(default=None, description=f"File with the key of {HEADER}.")
    template: Annotated[str, AfterValidator(check_body_template)] | None = Field(
        default=None, max_length=100_000, description="The body as a Jinja2 template, instead of Alertmanager's JSON."
    )
    content_type: str = Field(
        default="application/json", pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w.-]+=[\w.-]+)*$", description="Of the body."
    )

    @model_validator(mode="after")
    def _one_key(self) -> "WebhookConfig":
        one_source("secret", self.secret_env, self.secret_file)
        return self

    def build(self, surroundings: Surroundings) -> "WebhookChannel":
        """The channel."""
        return WebhookChannel(self, surroundings)

    def secrets(self) -> tuple[SecretSource, ...]:
        """URL, token and key, where there are such."""
        key = SecretSource(self.secret_env, self.secret_file)
        return (*super().secrets(), *((key,) if key else ()))


class WebhookChannel(HttpChannel[WebhookConfig]):
    """Posts to a receiver."""

    async def send(self, notification: Notification) -> str:
        """Post one group."""
        config, environment = self.config, self.surroundings.environment
        body = json.dumps(compose(notification)).encode()
        if config.template is not None:
            body = render_body(config.template, template_variables(notification))
        headers = {"Content-Type": config.content_type, **config.headers(environment)}
        if key := SecretSource(config.secret_env, config.secret_file):
            headers[HEADER] = sign(key.read(environment), body, self.surroundings.clock())
        return await self.post(config.address(environment), body, notification.idempotency_key, headers)

    async def reach(self) -> str:
        """Connect, with every secret at hand."""
        for source in self.config.secrets():
            source.read(self.surroundings.environment)
        return await self.sender.reach(self.config.address(self.surroundings.environment))


def compose(notification: Notification) -> dict[str, Any]:
    """The body: one group with its alerts."""
    group = ", ".join(f'{key}="{value}"' for key, value in sorted(notification.group_labels.items()))
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{group}}}:{notification.group_key}",
        "truncatedAlerts": notification.omitted,
        "status": str(notification.status),
        "receiver": notification.channel,
        "groupLabels": dict(notification.group_labels),
        "commonLabels": _common([alert.labels for alert in notification.alerts]),
        "commonAnnotations": _common([alert.annotations for alert in notification.alerts]),
        "externalURL": notification.url,
        "alerts": [_alert(alert) for alert in notification.alerts],
    }


def template_variables(notification: Notification) -> dict[str, Any]:
    """What a template may speak of: the names of Alertmanager's JSON, and a few of ours."""
    alerts = [
        {
            **_alert(alert),
            "value": alert.value,
            "runbookURL": alert.runbook_url,
            "silenceURL": alert.silence_url,
            "traceIds": list(alert.trace_ids),
        }
        for alert in notification.alerts
    ]
    return {
        **compose(notification),
        "alerts": alerts,
        "title": title(notification),
        "reason": notification.reason,
        "incident": notification.incident,
        "idempotency_key": notification.idempotency_key,
        "late_seconds": notification.late_seconds,
        "digest": list(notification.digest),
    }


def _alert(alert: AlertPart) -> dict[str, Any]:
    return {
        "status": str(alert.status),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.fired_at),
        "endsAt": _NO_END if alert.ended_at is None else rfc3339(alert.ended_at),
        "generatorURL": alert.url,
        "fingerprint": alert.fingerprint,
    }


def _common(texts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = texts[0] if texts else {}
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in texts)}
