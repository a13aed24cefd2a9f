"""Channel `alertmanager`: hands alerts to an Alertmanager by its v2 API, which then groups, routes and tells by itself.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (POST /api/v2/alerts)
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from services.monitoring_api.configuration.duration import Duration
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.http_channel import HttpChannel, ReceiverConfig
from services.monitoring_api.notify.notification import AlertPart, Notification

_PATH = "/api/v2/alerts"


class AlertmanagerConfig(ReceiverConfig):
    """Its entry in the notifications file."""

    keeps_state: ClassVar[bool] = True
    expires: ClassVar[bool] = True

    type: Literal["alertmanager"] = Field(
        description="An Alertmanager; `url` is its own, like http://alertmanager:9093."
    )
    expires_after: Duration = Field(
        default=86_400.0,
        ge=60,
        description="How long Alertmanager takes an alert for firing without hearing of it again; longer than every "
        "repeat_interval that leads here.",
    )

    def build(self, surroundings: Surroundings) -> "AlertmanagerChannel":
        """The channel."""
        return AlertmanagerChannel(self, surroundings)


class AlertmanagerChannel(HttpChannel[AlertmanagerConfig]):
    """Posts alerts; the same alert twice is one alert there, by its labels."""

    async def send(self, notification: Notification) -> str:
        """Post every alert of a group in one request."""
        environment, firing_until = self.surroundings.environment, self.surroundings.clock() + self.config.expires_after
        body = json.dumps(compose(notification, firing_until)).encode()
        headers = self.config.headers(environment)
        return await self.post(self._url(environment), body, notification.idempotency_key, headers)

    async def reach(self) -> str:
        """Connect, with every secret at hand."""
        self.config.headers(self.surroundings.environment)
        return await self.sender.reach(self._url(self.surroundings.environment))

    def _url(self, environment: Mapping[str, str]) -> SecretStr:
        base = self.config.address(environment).get_secret_value().strip().rstrip("/")
        return SecretStr(base if base.endswith(_PATH) else base + _PATH)


def compose(notification: Notification, firing_until: float) -> list[dict[str, Any]]:
    """The body.

    Args:
        notification: The message.
        firing_until: When an alert that fires now ends by itself, epoch seconds; its end is posted before.
    """
    return [_alert(alert, firing_until) for alert in notification.alerts]


def _alert(alert: AlertPart, firing_until: float) -> dict[str, Any]:
    labels = {_label_name(key): value for key, value in alert.labels.items() if value}
    return {
        # An alert is known by its labels there, so they must be the same in every message about it.
        "labels": {**labels, "alertname": alert.alertname or "unnamed"},
        "annotations": {_label_name(key): value for key, value in alert.annotations.items()},
        "startsAt": rfc3339(alert.fired_at),
        "endsAt": rfc3339(firing_until if alert.ended_at is None else max(alert.ended_at, alert.fired_at)),
        "generatorURL": alert.url,
    }


def _label_name(name: str) -> str:
    """A name that every version of Alertmanager takes."""
    safe = re.sub(r"[^a-zA-Z0-9_]", "_", name) or "_"
    return f"_{safe}" if safe[0].isdigit() else safe
