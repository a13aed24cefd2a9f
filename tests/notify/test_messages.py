"""What each channel's message looks like, and that nothing in it can act."""

import re

import pytest

from services.monitoring_api.notify.channels import email, slack, webhook
from services.monitoring_api.notify.channels.email import EmailConfig
from tests.notify.messages import HOSTILE, firing, resolved

CONFIG = EmailConfig.model_validate(
    {
        "name": "ops",
        "type": "email",
        "host": "h",
        "tls": "none",
        "from": "Sight <s@example.org>",
        "to": ["ops@example.org"],
    }
)


def hostile():
    """A message full of hostile text."""
    return firing(
        alertname=HOSTILE,
        labels={"alertname": HOSTILE, HOSTILE: HOSTILE},
        annotations={"summary": HOSTILE, "description": HOSTILE, HOSTILE: HOSTILE},
    )


def test_a_mail_has_text_and_html():
    """Both parts say what, how much and since when."""
    mail = email.compose(firing(), CONFIG)
    text, page = (part.get_content() for part in mail.iter_parts())
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Subject"] == "[FIRING] error ratio 9.0 %"
    for part in (text, page):
        for word in ("TooManyErrors", "0.09", "2026-11-23T11:32:30.000Z", "severity=page"):
            assert word in part
    assert "one\ntwo" in text
    assert "one<br>two" in page
    assert "a=1&amp;b=2" in page


def test_an_incident_is_one_conversation():
    """The end and each reminder refer to the first mail."""
    first, end = email.compose(firing(), CONFIG), email.compose(resolved(), CONFIG)
    again = email.compose(firing(reason="repeat", idempotency_key="a" * 32), CONFIG)
    assert first["Message-ID"] == end["References"] == end["In-Reply-To"] == again["References"]
    assert len({first["Message-ID"], end["Message-ID"], again["Message-ID"]}) == 3
    assert "resolved" in end["Subject"].lower()


def test_no_label_adds_a_header_or_markup_to_a_mail():
    """Headers are the same as those of a harmless mail, and the page has no element of the label's."""
    mail = email.compose(hostile(), CONFIG)
    raw = mail.as_bytes()
    headers = raw.split(b"\r\n\r\n", 1)[0]
    assert not re.search(rb"(?mi)^bcc:", headers)
    assert sorted(mail.keys()) == sorted(email.compose(firing(), CONFIG).keys())
    assert all(character.isprintable() for character in mail["Subject"])
    page = mail.get_payload(1).get_content()
    assert "<script" not in page
    assert "<https" not in page


@pytest.mark.parametrize("address", ["a", "a@", "@b", "a@b\nBcc: c@d", "a b@c", "ä@example.org", "", "a@b, c@d"])
def test_what_is_no_address(address):
    """An address of the file can't carry a header or a second address."""
    with pytest.raises(ValueError, match="address"):
        EmailConfig.model_validate({**CONFIG.model_dump(by_alias=True, exclude_unset=True), "to": [address]})


def test_a_password_needs_encryption():
    """It is not sent in the clear."""
    settings = {**CONFIG.model_dump(by_alias=True, exclude_unset=True), "username": "u", "password_env": "P"}
    with pytest.raises(ValueError, match="unencrypted"):
        EmailConfig.model_validate(settings)
    assert EmailConfig.model_validate({**settings, "tls": "tls"}).username == "u"


def walk(value):
    """Every mapping inside."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


@pytest.mark.parametrize(
    "notification",
    [
        firing(),
        resolved(),
        hostile(),
        firing(annotations={f"n{i}": "x" * 9000 for i in range(40)}, labels={"a": "y" * 9000}),
    ],
)
def test_slack_s_published_limits_are_kept(notification):
    """Blocks, fields and lengths as the Block Kit reference states them; no text is empty."""
    message = slack.compose(notification)
    (attachment,) = message["attachments"]
    assert len(attachment["blocks"]) <= 50
    for block in attachment["blocks"]:
        assert len(block.get("block_id", "")) <= 255
        assert len(block.get("fields", [])) <= 10
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= 150
        elif "text" in block:
            assert 1 <= len(block["text"]["text"]) <= 3000
        for field in block.get("fields", []):
            assert 1 <= len(field["text"]) <= 2000
    assert len(message["text"]) <= 40_000


def test_no_label_acts_in_slack():
    """Where Slack reads markup there is no angle bracket but our own link's; all else is plain text."""
    message = slack.compose(hostile())
    assert "<" not in message["text"]
    marked = [element["text"] for element in walk(message) if element.get("type") == "mrkdwn"]
    assert marked == ["<http://127.0.0.1:8501/?a=1&amp;b=2|Open the dashboard>"]


def test_a_label_in_the_link_can_t_end_it():
    """A URL with Slack's own characters stays one link."""
    message = slack.compose(firing(url="http://x/?q=<!channel>|y"))
    assert [e["text"] for e in walk(message) if e.get("type") == "mrkdwn"] == [
        "<http://x/?q=&lt;!channel&gt;%7Cy|Open the dashboard>"
    ]


def test_the_webhook_is_alertmanager_s_version_4():
    """Every key that Alertmanager sends, with its type."""
    assert webhook.compose(firing()) == {
        "version": "4",
        "groupKey": '{}:{alertname="TooManyErrors"}:00ff00ff00ff00ff',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "TooManyErrors"},
        "commonLabels": {"alertname": "TooManyErrors", "severity": "page"},
        "commonAnnotations": {"summary": "error ratio 9.0 %", "description": "one\ntwo"},
        "externalURL": "http://127.0.0.1:8501/?a=1&b=2",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "TooManyErrors", "severity": "page"},
                "annotations": {"summary": "error ratio 9.0 %", "description": "one\ntwo"},
                "startsAt": "2026-11-23T11:32:30.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://127.0.0.1:8501/?a=1&b=2",
                "fingerprint": "00ff00ff00ff00ff",
            }
        ],
    }
    assert webhook.compose(resolved())["alerts"][0]["endsAt"] == "2026-11-23T11:35:00.000Z"


def test_a_late_message_says_so():
    """An outage of the channel does not make old news look new."""
    text = email.compose(firing(late_seconds=7200), CONFIG).get_payload(0).get_content()
    assert "Sent late: 2h after it was due" in text
