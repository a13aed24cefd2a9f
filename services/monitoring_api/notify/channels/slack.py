"""Channel `slack`: an incoming webhook and Block Kit.

https://docs.slack.dev/reference/block-kit/blocks
"""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, ChannelConfig, one_source
from services.monitoring_api.notify.http_sender import HttpSender
from services.monitoring_api.notify.notification import Notification, NotificationStatus
from services.monitoring_api.notify.plain_text import (
    alert_facts,
    alert_title,
    cut,
    left_out,
    message_facts,
    one_line,
    title,
)
from services.monitoring_api.notify.secret_source import SecretSource

# Slack's published limits, in characters.
HEADER_LIMIT = 150
TEXT_LIMIT = 3_000
FIELD_LIMIT = 2_000
MOST_FIELDS = 10
MOST_TEXTS = 10
MOST_ALERTS = 10
_COLOURS = {NotificationStatus.FIRING: "#b42318", NotificationStatus.RESOLVED: "#067647"}


class SlackConfig(ChannelConfig):
    """Its entry in the notifications file."""

    type: Literal["slack"] = Field(description="A Slack incoming webhook.")
    url: None = Field(default=None, description="Not allowed: the URL is a secret.")
    url_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds the webhook's URL.")
    url_file: Path | None = Field(default=None, description="File that holds the webhook's URL.")
    allow_private: bool = Field(default=False, description="Whether the host may have a private or loopback address.")

    @field_validator("url", mode="before")
    @classmethod
    def _no_plain_url(cls, value: object) -> None:
        if value is not None:
            raise ValueError("a Slack webhook's URL is a secret: put it into a variable and name that in url_env")

    @model_validator(mode="after")
    def _whole(self) -> "SlackConfig":
        if not one_source("url", self.url_env, self.url_file):
            raise ValueError("missing: give url_env or url_file")
        return self

    def build(self, surroundings: Surroundings) -> "SlackChannel":
        """The channel."""
        return SlackChannel(self, surroundings)

    @property
    def target(self) -> str:
        """Where it sends to."""
        return f"the webhook in {self.url_env or self.url_file}"

    def secrets(self) -> tuple[SecretSource, ...]:
        """The webhook's URL."""
        return (one_source("url", self.url_env, self.url_file),)


@dataclass(frozen=True)
class SlackChannel:
    """Posts to a webhook."""

    config: SlackConfig
    surroundings: Surroundings

    @property
    def name(self) -> str:
        """Its name."""
        return self.config.name

    @cached_property
    def _sender(self) -> HttpSender:
        return HttpSender(self.surroundings.resolve, self.config.timeout, self.config.allow_private)

    async def send(self, notification: Notification) -> str:
        """Post one message."""
        url = self.config.secrets()[0].read(self.surroundings.environment)
        body = json.dumps(compose(notification)).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.idempotency_key}
        answer = await self._sender.post(url, body, headers, now=time.time())
        return one_line(f"{answer.status} {answer.text}", 200)


def escape(text: str) -> str:
    """Text that can be no link, mention or `<!channel>` (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def compose(notification: Notification) -> dict[str, Any]:
    """The webhook's body. Texts of telemetry stand in plain_text, or escaped where Slack has only mrkdwn."""
    # A block id has no effect on what is shown: it carries the key for whoever looks for duplicates.
    header = {
        "type": "header",
        "block_id": notification.idempotency_key,
        "text": _plain(title(notification), HEADER_LIMIT),
    }
    blocks: list[dict[str, Any]] = [header]
    if general := message_facts(notification):
        blocks.append(_fields(general))
    # A block of facts and one of texts each, within the 50 that a message may have.
    shown = notification.alerts[:MOST_ALERTS]
    for alert in shown:
        if len(notification.alerts) > 1:
            blocks.append(_section(alert_title(alert)))
        blocks.append(_fields(alert_facts(alert)))
        blocks += [
            _section(f"{name}: {text}")
            for name, text in list(alert.annotations.items())[: MOST_TEXTS if len(notification.alerts) == 1 else 1]
            if name != "summary" and text.strip()
        ]
    blocks += [_section(line) for line in notification.digest[:MOST_TEXTS] if line.strip()]
    if more := left_out(notification, len(shown)):
        blocks.append(_section(more))
    if notification.url:
        link = f"<{escape(notification.url).replace('|', '%7C')}|Open the dashboard>"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": cut(link, TEXT_LIMIT)}]})
    return {
        "text": escape(title(notification)),
        "attachments": [{"color": _COLOURS[notification.status], "blocks": blocks}],
    }


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, TEXT_LIMIT)}


def _fields(facts: list[tuple[str, str]]) -> dict[str, Any]:
    fields = [_plain(one_line(f"{name}: {text}", FIELD_LIMIT), FIELD_LIMIT) for name, text in facts[:MOST_FIELDS]]
    return {"type": "section", "fields": fields}
