"""`channels test`: a real delivery with a clear verdict and a remedy, also when the channel is wrong."""

import asyncio
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult

from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify import channel_test
from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.notification_file import load_notifications
from tests.notify.receivers import HttpReceiver, SmtpReceiver

SECRET = "hunter2-very-secret"


def verdict_of(folder: Path, entry: str, name: str = "here", **environment: str) -> channel_test.ChannelVerdict:
    """Test a channel of a file with this entry."""
    path = folder / "notifications.yaml"
    path.write_text(f"channels:\n{entry}\n")
    return asyncio.run(channel_test.test_channel(path, name, Surroundings(environment)))


def test_a_mail_arrives_with_a_picture(tmp_path):
    """The receiver's own words are the verdict, and the mail says that nothing is wrong."""
    with SmtpReceiver() as receiver:
        entry = f"- {{name: here, type: email, host: 127.0.0.1, port: {receiver.port}, tls: none,"
        verdict = verdict_of(tmp_path, f"{entry} from: s@example.org, to: [ops@example.org]}}")
        (mail,) = receiver.mails
    assert (verdict.delivered, verdict.remedy, verdict.type) == (True, "", "email")
    assert "queued as 42" in verdict.detail
    assert verdict.target.startswith("ops@example.org by 127.0.0.1")
    assert mail["X-Sightglass-Idempotency-Key"] == verdict.idempotency_key
    assert "nothing is wrong" in mail["Subject"]
    assert "image/png" in [part.get_content_type() for part in mail.walk()]
    assert mail["References"] is None, "a test belongs to no conversation"


def test_a_wrong_password_has_its_remedy(tmp_path, trusted_context):
    """The server's 535, and which key of the file to look at."""
    options = {
        "tls_context": trusted_context("localhost"),
        "authenticator": lambda *_: AuthResult(success=False, handled=False),
        "auth_required": True,
    }
    with SmtpReceiver(options=options) as receiver:
        entry = f"- {{name: here, type: email, host: localhost, port: {receiver.port}, from: s@example.org,"
        entry += " to: [ops@example.org], username: u, password_env: SMTP_PASSWORD}"
        verdict = verdict_of(tmp_path, entry, SMTP_PASSWORD=SECRET)
    assert not verdict.delivered
    assert "535" in verdict.detail
    assert verdict.remedy == "check username and password_env (SMTP_PASSWORD)"
    assert SECRET not in repr(verdict)


@pytest.mark.parametrize(
    ("entry", "detail", "remedy"),
    [
        ("- {name: here, type: slack, url_env: NOWHERE}", "NOWHERE is not set", "set it, or put it into .env"),
        ("- {name: here, type: webhook, url: 'http://127.0.0.1:1/'}", "is not called", "allow"),
        ("- {name: here, type: webhook, url: 'http://127.0.0.1:1/', allow_private: true}", "127.0.0.1:1", "it runs"),
        ("- {name: here, type: webhook, url: 'http://x.invalid/', timeout: 5s}", "can't be resolved", "DNS"),
        ("- {name: here, type: email, host: 127.0.0.1, port: 1, from: a@b, to: [a@b]}", "127.0.0.1:1", "587 is usual"),
        (
            "- {name: here, type: slack, url: https://x/SECRET}",
            "line 2: url: a Slack webhook's URL is a secret",
            "mend",
        ),
        ("- {name: here, type: pager}", "line 2", "mend the file"),
        ("- {name: here, type: log, colour: red}", "line 2: colour: unknown key", "mend the file"),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(tmp_path, entry, detail, remedy):
    """Missing secrets, refused addresses, nobody there, wrong keys: none of it is an exception."""
    verdict = verdict_of(tmp_path, entry)
    assert not verdict.delivered
    assert detail in verdict.detail
    assert remedy in f"{verdict.detail} {verdict.remedy}"
    assert "SECRET" not in repr(verdict)


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "check the token"), (404, "check the URL"), (410, "make a new one")]
)
def test_a_refusal_has_its_remedy(tmp_path, status, remedy):
    """The receiver's answer is told, and what it usually means."""
    with HttpReceiver(status=status, body=b"go away") as receiver:
        verdict = verdict_of(tmp_path, f"- {{name: here, type: webhook, url: '{receiver.url}', allow: [127.0.0.1]}}")
    assert f"answered {status}: go away" in verdict.detail
    assert remedy in verdict.remedy


def test_slack_s_own_words_are_explained(tmp_path):
    """What Slack answers to a dead webhook."""
    with HttpReceiver(status=404, body=b"no_service") as receiver:
        verdict = verdict_of(tmp_path, "- {name: here, type: slack, url_env: U, allow_private: true}", U=receiver.url)
    assert "revoked" in verdict.remedy


def test_errors_elsewhere_in_the_file_stop_no_test(tmp_path):
    """The worker refuses such a file as a whole, but this channel can be tried."""
    with HttpReceiver() as receiver:
        entries = (
            f"- {{name: a, type: nonsense}}\n- {{name: here, type: webhook, url: '{receiver.url}', allow: [127.0.0.1]}}"
        )
        assert verdict_of(tmp_path, entries).delivered
    with pytest.raises(InvalidFileError):
        load_notifications(tmp_path / "notifications.yaml")


def test_an_unknown_channel_names_the_known_ones(tmp_path):
    """A typing error is told as such."""
    with pytest.raises(channel_test.UnknownChannelError, match="no channel 'x'; there are: here"):
        verdict_of(tmp_path, "- {name: here, type: log}", name="x")


def test_no_file_is_a_verdict(tmp_path):
    """What can't be read is told with its reason."""
    verdict = asyncio.run(channel_test.test_channel(tmp_path / "none.yaml", "here"))
    assert (verdict.delivered, "can't be read" in verdict.detail) == (False, True)


def test_nothing_stays_open_after_a_test(tmp_path):
    """Where an incident would page somebody until it is closed, the test's end is sent too."""
    with HttpReceiver() as receiver:
        entry = f"- {{name: here, type: pagerduty, url: '{receiver.url}', routing_key_env: K, allow: [127.0.0.1]}}"
        assert verdict_of(tmp_path, entry, K=SECRET).delivered
        events = [body for _, _, body in receiver.requests]
    assert [event["event_action"] for event in events] == ["trigger", "resolve"]
    assert events[0]["dedup_key"] == events[1]["dedup_key"]
