"""Channel `email`: SMTP, with a text and an HTML part. One incident is one conversation."""

import hashlib
import logging
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, parseaddr
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import aiosmtplib
from pydantic import AfterValidator, Field, model_validator

from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channel_config import VARIABLE, ChannelConfig, one_source
from services.monitoring_api.notify.mail_body import html_body, text_body
from services.monitoring_api.notify.notification import AlertPart, Notification
from services.monitoring_api.notify.picture import draw_picture
from services.monitoring_api.notify.plain_text import one_line, title
from services.monitoring_api.notify.secret_source import SecretSource

MOST_PICTURES = 5
_logger = logging.getLogger(__name__)
_PERMANENT = 500
_LOCAL_PART = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(?<!.{100})")
_REMEDIES = {
    421: "the server is busy: it is tried again",
    454: "the server can't check logins now: it is tried again",
    530: "the server wants a login, or encryption first: give username and password_env, and tls: starttls or tls",
    534: "the server wants another way to log in: make a password for applications there",
    538: "the server wants encryption first: tls: starttls or tls",
    550: "check the addresses in `to` and `from`",
    551: "check the addresses in `to`",
    552: "the receiver's mailbox is full",
    553: "check the addresses in `to` and `from`: the server may not send for that sender",
    554: "the server takes no mail from here: check `from`, and that it is the right server",
}


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

    most_pictures: ClassVar[int] = MOST_PICTURES

    type: Literal["email"] = Field(description="Mail over SMTP.")
    host: str = Field(min_length=1, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port: 587 for starttls, 465 for tls, 25 for none.")
    tls: Literal["none", "starttls", "tls"] = Field(default="starttls", description="How the connection is encrypted.")
    sender: EmailAddress = Field(alias="from", description="The address it comes from.")
    to: tuple[EmailAddress, ...] = Field(min_length=1, max_length=50, description="The addresses it goes to.")
    username: str | None = Field(default=None, description="To log in with; no login without it.")
    subject: Literal["summary", "group"] = Field(
        default="summary",
        description="What the subject says: state and summary, or the group alone, the same through an incident (for "
        "Gmail, which begins a new conversation with each new subject).",
    )
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
        with self._explained():
            async with self._client() as client:
                refused, answer = await client.send_message(
                    message,
                    sender=parseaddr(config.sender)[1],
                    recipients=[parseaddr(to)[1] for to in config.to],
                )
        missed = "".join(f"; refused for {to}: {_said(*said)}" for to, said in refused.items())
        return one_line(answer, 200) + missed

    async def reach(self) -> str:
        """Connect and log in, and leave again."""
        with self._explained():
            async with self._client():
                login = "; the login is accepted" if self.config.username else ""
                return f"{self._where} answers{login}"

    @property
    def _where(self) -> str:
        return f"{self.config.host}:{self.config.port}"

    def _client(self) -> aiosmtplib.SMTP:
        config = self.config
        password = next((source.read(self.surroundings.environment) for source in config.secrets()), None)
        return aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port,
            timeout=config.timeout,
            use_tls=config.tls == "tls",
            start_tls=config.tls == "starttls",
            username=config.username,
            password=password.get_secret_value() if password else None,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in words what the server did, and what to do about it."""
        where = self._where
        try:
            yield
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [(one.code, one.message) for one in error.recipients]
            raise DeliveryFailedError(
                f"{where} refused every recipient: {_said(*codes[0])}",
                permanent=all(code >= _PERMANENT for code, _ in codes),
                remedy=_REMEDIES.get(codes[0][0], ""),
            ) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            key = "password_env" if self.config.password_env else "password_file"
            password = self.config.password_env or self.config.password_file
            raise DeliveryFailedError(
                f"{where}: {_said(error.code, error.message)}",
                permanent=True,
                remedy=f"check username and {key} ({password})",
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            raise DeliveryFailedError(
                f"{where}: {_said(error.code, error.message)}",
                permanent=error.code >= _PERMANENT,
                remedy=_REMEDIES.get(error.code, ""),
            ) from None
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            text = one_line(str(error), 300)
            raise DeliveryFailedError(
                f"{where}: {type(error).__name__}: {text}", remedy=_connection_remedy(text, self.config.tls)
            ) from None


def compose(notification: Notification, config: EmailConfig) -> EmailMessage:
    """The mail for a notification. No label or annotation can add a header or markup."""
    message = EmailMessage(policy=SMTP)
    domain = parseaddr(config.sender)[1].rpartition("@")[2]
    root = f"<{_local_part(notification.incident)}.{notification.channel}@{domain}>"
    first = notification.reason == "first"
    message["From"] = config.sender
    message["To"] = ", ".join(config.to)
    message["Subject"] = title(notification) if config.subject == "summary" else _conversation(notification)
    message["Date"] = format_datetime(datetime.fromtimestamp(notification.created_at, UTC))
    message["Message-ID"] = root if first else f"<{_local_part(notification.idempotency_key)}@{domain}>"
    if not first and notification.reason != "test":
        message["In-Reply-To"] = root
        message["References"] = root
    message["X-Sightglass-Idempotency-Key"] = notification.idempotency_key
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text_body(notification))
    pictures = _pictures(notification.alerts)
    names = {fingerprint: f"{_local_part(fingerprint)}.picture@{domain}" for fingerprint in pictures}
    message.add_alternative(html_body(notification, names), subtype="html")
    page = list(message.iter_parts())[1]
    for number, (fingerprint, picture) in enumerate(pictures.items(), 1):
        page.add_related(
            picture,
            "image",
            "png",
            cid=f"<{names[fingerprint]}>",
            filename=f"metric-{number}.png",
            disposition="inline",
        )
    return message


def _pictures(alerts: Sequence[AlertPart]) -> dict[str, bytes]:
    """By fingerprint, for those of the first alerts that carry a series."""
    drawn = {}
    for alert in alerts[:MOST_PICTURES]:
        try:
            picture = draw_picture(alert)
        except Exception:  # whatever is wrong with a picture, the mail is worth more
            _logger.exception("A picture can't be drawn", extra={"alert.fingerprint": alert.fingerprint})
            continue
        if picture is not None:
            drawn[alert.fingerprint] = picture
    return drawn


def _conversation(notification: Notification) -> str:
    """A subject that stays the same through an incident, for programs that begin a conversation with each subject."""
    labels = ", ".join(text for _, text in sorted(notification.group_labels.items()))
    names = ", ".join(dict.fromkeys(alert.alertname for alert in notification.alerts))
    return one_line(f"Sightglass: {labels or names or 'alerts'}", 150)


def _local_part(name: str) -> str:
    """What may stand before the @ of a message's id."""
    return name if _LOCAL_PART.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]


def _connection_remedy(text: str, tls: str) -> str:
    lower = text.lower()
    if "certificate" in lower:
        return "its certificate must be for that host, from an authority trusted here (SSL_CERT_FILE)"
    if "starttls" in lower:
        return "the server offers no STARTTLS: use tls: tls, or tls: none where nothing secret is sent"
    if "wrong_version_number" in lower or "wrong version number" in lower:
        return "the server does not begin with TLS on that port: use tls: starttls, or the port for tls (465)"
    ports = {"starttls": 587, "tls": 465, "none": 25}
    return f"check host and port ({ports[tls]} is usual for tls: {tls}), and that no firewall stands between"


def _said(code: int, message: str | bytes) -> str:
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return one_line(f"{code} {text}", 200)
