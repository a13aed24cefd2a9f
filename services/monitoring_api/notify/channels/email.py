"""Channel `email`: SMTP, with a text and an HTML part. One incident is one conversation."""

import html
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, parseaddr
from pathlib import Path
from typing import Annotated, Literal

import aiosmtplib
from pydantic import AfterValidator, Field, model_validator

from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, ChannelConfig, one_source
from services.monitoring_api.notify.notification import AlertPart, Notification, NotificationStatus
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

_PERMANENT = 500
MOST_ALERTS = 50
_COLOURS = {NotificationStatus.FIRING: "#b42318", NotificationStatus.RESOLVED: "#067647"}


def _address(text: str) -> str:
    """An address like ops@example.org or `Ops <ops@example.org>`, in ASCII and without control characters."""
    found = getaddresses([text])
    name, address = found[0] if len(found) == 1 else ("", "")
    local, _, domain = address.rpartition("@")
    if not local or not domain or not text.isprintable() or not address.isascii() or " " in address:
        raise ValueError("not an e-mail address")
    Address(display_name=name, addr_spec=address)
    return text


EmailAddress = Annotated[str, AfterValidator(_address)]


class EmailConfig(ChannelConfig):
    """Its entry in the notifications file."""

    type: Literal["email"] = Field(description="Mail over SMTP.")
    host: str = Field(min_length=1, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port: 587 for starttls, 465 for tls, 25 for none.")
    tls: Literal["none", "starttls", "tls"] = Field(default="starttls", description="How the connection is encrypted.")
    sender: EmailAddress = Field(alias="from", description="The address it comes from.")
    to: tuple[EmailAddress, ...] = Field(min_length=1, max_length=50, description="The addresses it goes to.")
    username: str | None = Field(default=None, description="To log in with; no login without it.")
    password_env: str | None = Field(default=None, pattern=VARIABLE, description="Variable that holds the password.")
    password_file: Path | None = Field(default=None, description="File that holds the password.")

    @model_validator(mode="after")
    def _whole(self) -> "EmailConfig":
        source = one_source("password", self.password_env, self.password_file)
        if bool(source) != (self.username is not None):
            raise ValueError("username and password_env (or password_file) go together")
        if source and self.tls == "none":
            raise ValueError("a password is not sent over an unencrypted connection: use tls: starttls or tls: tls")
        return self

    def build(self, surroundings: Surroundings) -> "EmailChannel":
        """The channel."""
        return EmailChannel(self, surroundings)

    @property
    def target(self) -> str:
        """Where it sends to."""
        return f"{', '.join(self.to)} by {self.host}:{self.port}"

    def secrets(self) -> tuple[SecretSource, ...]:
        """The password, if there is one."""
        source = one_source("password", self.password_env, self.password_file)
        return (source,) if source else ()


@dataclass(frozen=True)
class EmailChannel:
    """Sends mail; one connection per message, for alerts are rare and servers drop idle connections."""

    config: EmailConfig
    surroundings: Surroundings

    @property
    def name(self) -> str:
        """Its name."""
        return self.config.name

    async def send(self, notification: Notification) -> str:
        """Send one mail; confirmed when the server took it for at least one recipient."""
        config = self.config
        message = compose(notification, config)
        password = next((source.read(self.surroundings.environment) for source in config.secrets()), None)
        client = aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port,
            timeout=config.timeout,
            use_tls=config.tls == "tls",
            start_tls=config.tls == "starttls",
            username=config.username,
            password=password.get_secret_value() if password else None,
        )
        where = f"{config.host}:{config.port}"
        try:
            async with client:
                refused, answer = await client.send_message(
                    message,
                    sender=parseaddr(config.sender)[1],
                    recipients=[parseaddr(to)[1] for to in config.to],
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [(one.code, one.message) for one in error.recipients]
            permanent = all(code >= _PERMANENT for code, _ in codes)
            raise DeliveryFailedError(
                f"{where} refused every recipient: {_said(*codes[0])}", permanent=permanent
            ) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            said = _said(error.code, error.message)
            raise DeliveryFailedError(f"{where}: {said}: check username and password", permanent=True) from None
        except aiosmtplib.SMTPResponseException as error:
            said = _said(error.code, error.message)
            raise DeliveryFailedError(f"{where}: {said}", permanent=error.code >= _PERMANENT) from None
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            raise DeliveryFailedError(f"{where}: {type(error).__name__}: {one_line(str(error), 300)}") from None
        missed = "".join(f"; refused for {to}: {_said(*said)}" for to, said in refused.items())
        return one_line(answer, 200) + missed


def compose(notification: Notification, config: EmailConfig) -> EmailMessage:
    """The mail for a notification. No label or annotation can add a header or markup."""
    message = EmailMessage(policy=SMTP)
    domain = parseaddr(config.sender)[1].rpartition("@")[2]
    root = f"<{notification.incident}.{notification.channel}@{domain}>"
    first = notification.reason == "first"
    message["From"] = config.sender
    message["To"] = ", ".join(config.to)
    message["Subject"] = title(notification)
    message["Date"] = format_datetime(datetime.fromtimestamp(notification.created_at, UTC))
    message["Message-ID"] = root if first else f"<{notification.idempotency_key}@{domain}>"
    if not first:
        message["In-Reply-To"] = root
        message["References"] = root
    message["X-Sightglass-Idempotency-Key"] = notification.idempotency_key
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(notification))
    message.add_alternative(_html(notification), subtype="html")
    return message


def _text(notification: Notification) -> str:
    lines = [title(notification), ""]
    lines += _lines(message_facts(notification))
    shown = notification.alerts[:MOST_ALERTS]
    for alert in shown:
        if len(notification.alerts) > 1:
            lines += ["", alert_title(alert)]
        lines += _lines(alert_facts(alert))
        for name, text in _notes(alert):
            lines += ["", f"{one_line(name, 200)}:", cut(text, 2000)]
    lines += [one_line(line, 200) for line in notification.digest]
    if more := left_out(notification, len(shown)):
        lines += ["", more]
    if notification.url:
        lines += ["", notification.url]
    return "\n".join(lines) + "\n"


def _lines(facts: list[tuple[str, str]]) -> list[str]:
    return [f"{name}: {one_line(text, 2000)}" for name, text in facts]


def _notes(alert: AlertPart) -> list[tuple[str, str]]:
    return [(name, text) for name, text in alert.annotations.items() if name != "summary"]


def _html(notification: Notification) -> str:
    shown = notification.alerts[:MOST_ALERTS]
    parts = [_table(message_facts(notification))]
    for alert in shown:
        if len(notification.alerts) > 1:
            parts.append(f"<h3 style='color:{_COLOURS[alert.status]}'>{html.escape(alert_title(alert))}</h3>")
        parts.append(_table(alert_facts(alert)))
        parts += [
            f"<p><b>{html.escape(one_line(name, 200))}</b><br>"
            f"{html.escape(cut(text, 2000)).replace(chr(10), '<br>')}</p>"
            for name, text in _notes(alert)
        ]
    parts += [f"<p>{html.escape(one_line(line, 200))}</p>" for line in notification.digest]
    if more := left_out(notification, len(shown)):
        parts.append(f"<p>{more}</p>")
    if notification.url:
        parts.append(f"<p><a href='{html.escape(notification.url)}'>Open the dashboard</a></p>")
    return (
        "<!DOCTYPE html><html><body style='font-family:sans-serif'>"
        f"<h2 style='color:{_COLOURS[notification.status]}'>{html.escape(title(notification))}</h2>"
        f"{''.join(parts)}</body></html>\n"
    )


def _table(facts: list[tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th align='left' valign='top'>{html.escape(name)}</th><td>{html.escape(one_line(text, 2000))}</td></tr>"
        for name, text in facts
    )
    return f"<table cellpadding='4'>{rows}</table>" if rows else ""


def _said(code: int, message: str | bytes) -> str:
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return one_line(f"{code} {text}", 200)
