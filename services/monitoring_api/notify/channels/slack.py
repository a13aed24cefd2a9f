"""Channel `slack`: an incoming webhook and Block Kit.

https://docs.slack.dev/reference/block-kit/blocks
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator, model_validator

from services.monitoring_api.notify.appearance import alert_colour, colour
from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, one_source
from services.monitoring_api.notify.http_channel import HttpChannel, HttpChannelConfig
from services.monitoring_api.notify.notification import AlertPart, Notification
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

# Slack's published limits, in characters and pieces.
HEADER_LIMIT = 150
TEXT_LIMIT = 3_000
FIELD_LIMIT = 2_000
MOST_FIELDS = 10
BUTTON_TEXT_LIMIT = 75
URL_LIMIT = 3_000
BLOCK_ID_LIMIT = 255
MOST_BLOCKS = 50
# An alert among others takes at most four blocks, and what is said of all of them at most fourteen.
MOST_ALERTS = 9
MOST_TEXTS = 10

_Blocks = list[dict[str, Any]]
# What Slack answers to a webhook's message: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
_REMEDIES = {
    "no_service": "the webhook was revoked or its app removed: make a new one",
    "no_active_hooks": "the webhook was switched off: make a new one",
    "invalid_token": "the webhook's URL is not whole, or was revoked",
    "channel_is_archived": "the Slack channel is archived: make a webhook for another",
    "channel_not_found": "the Slack channel is gone: make a webhook for another",
    "action_prohibited": "an administrator of the workspace forbids it",
}


class SlackConfig(HttpChannelConfig):
    """Its entry in the notifications file."""

    type: Literal["slack"] = Field(description="A Slack incoming webhook.")
    url: None = Field(default=None, description="Not allowed: the URL is a secret.")
    url_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds the webhook's URL.")
    url_file: Path | None = Field(default=None, description="File that holds the webhook's URL.")

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


class SlackChannel(HttpChannel[SlackConfig]):
    """Posts to a webhook."""

    async def send(self, notification: Notification) -> str:
        """Post one message."""
        body = json.dumps(compose(notification)).encode()
        try:
            return await self.post(self._url(), body, notification.idempotency_key, {})
        except DeliveryFailedError as error:
            remedy = next((remedy for word, remedy in _REMEDIES.items() if word in error.message), error.remedy)
            raise error.explained(remedy) from None

    async def reach(self) -> str:
        """Connect to the webhook's host."""
        return await self.sender.reach(self._url())

    def _url(self) -> SecretStr:
        return self.config.secrets()[0].read(self.surroundings.environment)


def escape(text: str) -> str:
    """Text that can be no link, mention or `<!channel>` (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def compose(notification: Notification) -> dict[str, Any]:
    """The webhook's body: a colour for each state. Texts of telemetry stand in plain_text, where nothing acts."""
    header = {
        "type": "header",
        # A block id has no effect on what is shown: it carries the key for whoever looks for duplicates.
        "block_id": cut(notification.idempotency_key, BLOCK_ID_LIMIT),
        "text": _plain(title(notification), HEADER_LIMIT),
    }
    shown = notification.alerts[:MOST_ALERTS]
    told = [*_fields(message_facts(notification)), *_sections(notification.digest[:MOST_TEXTS])]
    by_colour: dict[str, _Blocks] = {colour(notification): told}
    for alert in shown:
        blocks = _alone(alert) if len(notification.alerts) == 1 else _among_others(alert)
        by_colour.setdefault(alert_colour(alert), []).extend(blocks)
    last = list(by_colour.values())[-1]
    last += _sections([left_out(notification, len(shown)), _rest_of_digest(notification)])
    if [alert.url for alert in shown] != [notification.url]:
        last += _buttons([("Open the dashboard", notification.url)])
    return {
        # Beside blocks it is not shown but told, in a phone's notification for one.
        "text": escape(title(notification)),
        "blocks": [header],
        "attachments": [{"color": shade, "blocks": blocks} for shade, blocks in by_colour.items() if blocks],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _alone(alert: AlertPart) -> _Blocks:
    return [*_fields(alert_facts(alert)), *_sections(_notes(alert)[:MOST_TEXTS]), *_buttons(_links(alert))]


def _among_others(alert: AlertPart) -> _Blocks:
    told = _sections([alert_title(alert)])
    return [*told, *_fields(alert_facts(alert)), *_sections(_notes(alert)[:1]), *_buttons(_links(alert))]


def _notes(alert: AlertPart) -> list[str]:
    return [f"{name}: {text}" for name, text in alert.annotations.items() if name != "summary" and text.strip()]


def _links(alert: AlertPart) -> list[tuple[str, str]]:
    return [("Open the dashboard", alert.url), ("Runbook", alert.runbook_url), ("Silence", alert.silence_url)]


def _rest_of_digest(notification: Notification) -> str:
    more = len(notification.digest) - MOST_TEXTS
    return f"… and {more} more messages." if more > 0 else ""


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}


def _sections(texts: Iterable[str]) -> _Blocks:
    # Slack refuses an empty text, and with it the whole message.
    return [{"type": "section", "text": _plain(text, TEXT_LIMIT)} for text in texts if text.strip()]


def _fields(facts: Sequence[tuple[str, str]]) -> _Blocks:
    fields = [_plain(one_line(f"{name}: {text}", FIELD_LIMIT), FIELD_LIMIT) for name, text in facts[:MOST_FIELDS]]
    return [{"type": "section", "fields": fields}] if fields else []


def _buttons(links: Sequence[tuple[str, str]]) -> _Blocks:
    buttons = [
        {
            "type": "button",
            "text": _plain(text, BUTTON_TEXT_LIMIT),
            "url": url,
            "action_id": text.replace(" ", "-"),
        }
        for text, url in ((text, _url_of(url)) for text, url in links)
        if url
    ]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _url_of(url: str) -> str:
    """A URL that a button may have; empty where it may not: without a link the message still arrives."""
    safe = quote(url.encode("utf-8", "replace"), safe=":/?#[]@!$&'()*+,;=%~-._")
    return safe if safe.startswith(("https://", "http://")) and len(safe) <= URL_LIMIT else ""
