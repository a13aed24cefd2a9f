"""What the contract needs to know of each channel: how to build it, break it, and read what arrived."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from services.monitoring_api.notify.channel import Channel, Surroundings
from services.monitoring_api.notify.channels.alertmanager import AlertmanagerConfig
from services.monitoring_api.notify.channels.email import EmailConfig
from services.monitoring_api.notify.channels.pagerduty import PagerDutyConfig
from services.monitoring_api.notify.channels.slack import SlackConfig
from services.monitoring_api.notify.channels.webhook import WebhookConfig
from tests.notify.receivers import HttpReceiver, SmtpReceiver

SECRET = "hunter2-very-secret"


async def resolve(_host, _port):
    """Every name is loopback."""
    return [ip_address("127.0.0.1")]


@dataclass(frozen=True)
class Subject:
    """One kind of channel.

    Attributes:
        receiver: Makes a receiver that takes everything.
        refuse: Makes a receiver refuse; the argument says whether for good.
        build: The channel that sends to a receiver.
        arrived: The keys of the messages that a receiver was given, in order.
    """

    receiver: Callable[[], AbstractContextManager[Any]]
    refuse: Callable[[Any, bool], None]
    build: Callable[[Any], Channel]
    arrived: Callable[[Any], list[str]]


def _email(receiver: SmtpReceiver) -> Channel:
    config = {
        "name": "ops",
        "type": "email",
        "host": "127.0.0.1",
        "port": receiver.port,
        "tls": "none",
        "timeout": "2s",
    }
    config |= {"from": "sightglass@example.org", "to": ["ops@example.org"]}
    return EmailConfig.model_validate(config).build(Surroundings({}, resolve))


def _slack(receiver: HttpReceiver) -> Channel:
    config = {"name": "ops", "type": "slack", "url_env": "HOOK", "allow_private": True, "timeout": "2s"}
    return SlackConfig.model_validate(config).build(Surroundings({"HOOK": f"{receiver.url}/{SECRET}"}, resolve))


def _webhook(receiver: HttpReceiver) -> Channel:
    config = {"name": "ops", "type": "webhook", "url_env": "HOOK", "token_env": "TOKEN", "allow_private": True}
    environment = {"HOOK": f"{receiver.url}?key={SECRET}", "TOKEN": SECRET}
    return WebhookConfig.model_validate({**config, "timeout": "2s"}).build(Surroundings(environment, resolve))


def _alertmanager(receiver: HttpReceiver) -> Channel:
    config = {"name": "ops", "type": "alertmanager", "url": receiver.url, "token_env": "TOKEN", "allow": ["127.0.0.1"]}
    return AlertmanagerConfig.model_validate({**config, "timeout": "2s"}).build(
        Surroundings({"TOKEN": SECRET}, resolve)
    )


def _pagerduty(receiver: HttpReceiver) -> Channel:
    config = {"name": "ops", "type": "pagerduty", "url": receiver.url, "routing_key_env": "KEY", "allow_private": True}
    return PagerDutyConfig.model_validate({**config, "timeout": "2s"}).build(Surroundings({"KEY": SECRET}, resolve))


def _refuse_mail(receiver: SmtpReceiver, permanent: bool) -> None:
    receiver.data = "554 5.7.1 refused" if permanent else "451 4.3.0 try later"


def _refuse_http(receiver: HttpReceiver, permanent: bool) -> None:
    receiver.status = 404 if permanent else 503


def _keys(receiver: HttpReceiver) -> list[str]:
    return [headers["Idempotency-Key"] for _, headers, _ in receiver.requests]


def _keys_of_messages(receiver: HttpReceiver) -> list[str]:
    """A message is an event per alert there; they carry one key."""
    return list(dict.fromkeys(_keys(receiver)))


SUBJECTS = {
    "email": Subject(
        SmtpReceiver, _refuse_mail, _email, lambda r: [str(m["X-Sightglass-Idempotency-Key"]) for m in r.mails]
    ),
    "slack": Subject(HttpReceiver, _refuse_http, _slack, _keys),
    "webhook": Subject(HttpReceiver, _refuse_http, _webhook, _keys),
    "alertmanager": Subject(HttpReceiver, _refuse_http, _alertmanager, _keys),
    "pagerduty": Subject(HttpReceiver, _refuse_http, _pagerduty, _keys_of_messages),
}
