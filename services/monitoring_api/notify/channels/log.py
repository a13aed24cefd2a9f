"""Channel `log`: one line in the worker's log. Needs nothing, so it is what a fresh installation uses."""

import logging
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.channel_config import ChannelConfig
from services.monitoring_api.notify.notification import Notification, NotificationStatus

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogChannel:
    """Writes notifications to the log of this process, and so to ClickHouse's otel_logs."""

    name: str

    async def send(self, notification: Notification) -> str:
        """Log it: firing as a warning, resolved as information."""
        level = logging.WARNING if notification.status is NotificationStatus.FIRING else logging.INFO
        _logger.log(
            level,
            "%s: %s",
            notification.status,
            notification.headline,
            extra={
                "alert.name": ", ".join(dict.fromkeys(alert.alertname for alert in notification.alerts)),
                "alert.fingerprint": ", ".join(alert.fingerprint for alert in notification.alerts),
                "alert.group": notification.group_key,
                "alert.idempotency_key": notification.idempotency_key,
                "alert.reason": notification.reason,
            },
        )
        return "logged"

    async def reach(self) -> str:
        """A log is always there."""
        return "the log is always there"


class LogConfig(ChannelConfig):
    """Its entry in the notifications file."""

    type: Literal["log"] = Field(description="A line in the worker's log.")

    def build(self, surroundings: Surroundings) -> LogChannel:  # noqa: ARG002 - a log needs none
        """The channel."""
        return LogChannel(self.name)

    @property
    def target(self) -> str:
        """Where it sends to."""
        return "the worker's log"
