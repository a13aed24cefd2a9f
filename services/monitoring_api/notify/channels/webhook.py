"""Channel `webhook`: Alertmanager's webhook JSON, version 4, so that its receivers work unchanged.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, ChannelConfig, one_source
from services.monitoring_api.notify.http_sender import HttpSender, parse_target
from services.monitoring_api.notify.notification import Notification
from services.monitoring_api.notify.plain_text import one_line
from services.monitoring_api.notify.secret_source import SecretSource

# Alertmanager's zero time: an alert without an end.
_NO_END = "0001-01-01T00:00:00Z"


class WebhookConfig(ChannelConfig):
    """Its entry in the notifications file."""

    type: Literal["webhook"] = Field(description="Alertmanager's webhook JSON, version 4.")
    url: str | None = Field(default=None, description="Where to POST; use url_env when it holds a secret.")
    url_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds the URL.")
    url_file: Path | None = Field(default=None, description="File that holds the URL.")
    token_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds a bearer token.")
    token_file: Path | None = Field(default=None, description="File that holds a bearer token.")
    allow_private: bool = Field(default=False, description="Whether the host may have a private or loopback address.")

    @field_validator("url")
    @classmethod
    def _callable(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                parse_target(SecretStr(url))
            except DeliveryFailedError as error:
                raise ValueError(str(error)) from None
        return url

    @model_validator(mode="after")
    def _whole(self) -> "WebhookConfig":
        one_source("token", self.token_env, self.token_file)
        if sum(key is not None for key in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("missing: give exactly one of url, url_env, url_file")
        return self

    def build(self, surroundings: Surroundings) -> "WebhookChannel":
        """The channel."""
        return WebhookChannel(self, surroundings)

    @property
    def target(self) -> str:
        """Where it sends to: a URL's path and query may be secret, so they aren't shown."""
        if self.url is None:
            return f"the URL in {self.url_env or self.url_file}"
        url = parse_target(SecretStr(self.url))
        return f"{url.scheme}://{url.netloc.decode('ascii')}"

    def secrets(self) -> tuple[SecretSource, ...]:
        """URL and token, where they are secret."""
        sources = (SecretSource(self.url_env, self.url_file), SecretSource(self.token_env, self.token_file))
        return tuple(source for source in sources if source)


@dataclass(frozen=True)
class WebhookChannel:
    """Posts to a receiver."""

    config: WebhookConfig
    surroundings: Surroundings

    @property
    def name(self) -> str:
        """Its name."""
        return self.config.name

    @cached_property
    def _sender(self) -> HttpSender:
        return HttpSender(self.surroundings.resolve, self.config.timeout, self.config.allow_private)

    async def send(self, notification: Notification) -> str:
        """Post one group."""
        config, environment = self.config, self.surroundings.environment
        url = SecretStr(config.url) if config.url else SecretSource(config.url_env, config.url_file).read(environment)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "sightglass",
            "Idempotency-Key": notification.idempotency_key,
        }
        if token := SecretSource(config.token_env, config.token_file):
            headers["Authorization"] = f"Bearer {token.read(environment).get_secret_value()}"
        body = json.dumps(compose(notification)).encode()
        answer = await self._sender.post(url, body, headers, now=time.time())
        return one_line(f"{answer.status} {answer.text}", 200)


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
        "alerts": [
            {
                "status": str(alert.status),
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "startsAt": rfc3339(alert.fired_at),
                "endsAt": _NO_END if alert.ended_at is None else rfc3339(alert.ended_at),
                "generatorURL": alert.url,
                "fingerprint": alert.fingerprint,
            }
            for alert in notification.alerts
        ],
    }


def _common(texts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = texts[0] if texts else {}
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in texts)}
