"""Mail with encryption and a login: no downgrade, and a clear verdict on a wrong password."""

import asyncio

import pytest
from aiosmtpd.smtp import AuthResult

from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channels.email import EmailConfig
from tests.notify.messages import firing
from tests.notify.receivers import SmtpReceiver

PASSWORD = "correct horse"


def authenticate(_server, _session, _envelope, _mechanism, data):
    """Take the one password."""
    return AuthResult(success=data.password.decode() == PASSWORD, handled=False)


@pytest.fixture
def receiver(trusted_context):
    """A server for localhost that wants STARTTLS and a login."""
    context = trusted_context("localhost")
    options = {"tls_context": context, "require_starttls": True, "authenticator": authenticate, "auth_required": True}
    with SmtpReceiver(options=options) as receiver:
        yield receiver


def send(port: int, *, tls: str = "starttls", password: str | None = PASSWORD, host: str = "localhost") -> str:
    """Send one mail."""
    entry = {"name": "ops", "type": "email", "host": host, "port": port, "tls": tls, "timeout": "3s"}
    entry |= {"from": "s@example.org", "to": ["ops@example.org"]}
    entry |= {} if password is None else {"username": "sightglass", "password_env": "SMTP_PASSWORD"}
    channel = EmailConfig.model_validate(entry).build(Surroundings({"SMTP_PASSWORD": password or ""}))
    return asyncio.run(channel.send(firing()))


def test_a_login_over_starttls(receiver):
    """The mail arrives."""
    assert "250" in send(receiver.port) or "queued" in send(receiver.port)
    assert receiver.mails


def test_a_wrong_password_is_named(receiver):
    """The verdict holds the server's code and what to look at, and not the password."""
    with pytest.raises(DeliveryFailedError, match=r"535.*check username and password_env \(SMTP_PASSWORD\)") as caught:
        send(receiver.port, password="wrong-hunter2")
    assert caught.value.permanent
    assert "hunter2" not in str(caught.value)


def test_a_server_without_encryption_gets_no_password():
    """STARTTLS that isn't offered is a failure, not a downgrade."""
    with SmtpReceiver() as receiver:
        with pytest.raises(DeliveryFailedError):
            send(receiver.port)
        assert receiver.mails == []


def test_a_certificate_for_another_name_is_refused(receiver):
    """The server must be who it is said to be."""
    with pytest.raises(DeliveryFailedError, match=r"(?i)certificate"):
        send(receiver.port, host="127.0.0.1")
    assert receiver.mails == []
