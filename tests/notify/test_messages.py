"""What each channel's message looks like, and that nothing in it can act."""

import io
import re

import pytest
from PIL import Image

from services.monitoring_api.notify.channels import alertmanager, email, webhook
from services.monitoring_api.notify.channels.email import EmailConfig
from services.monitoring_api.notify.notification import NotificationStatus
from services.monitoring_api.notify.picture import draw_picture, threshold_of
from tests.notify.messages import HOSTILE, firing, many, part, resolved

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
    text, page = (one.get_content() for one in mail.iter_parts())
    assert [one.get_content_type() for one in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Subject"] == "[FIRING] error ratio 9.0 %"
    for content in (text, page):
        for word in ("TooManyErrors", "0.09", "2026-11-23T11:32:30.000Z", "severity=page"):
            assert word in content
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


SERIES = tuple((1_795_430_000.0 + 60 * i, None if 20 <= i < 25 else 0.01 + (0.08 if i > 58 else 0)) for i in range(70))


def test_a_mail_shows_the_metric_around_the_event():
    """The page's picture is a PNG inside the mail, found by its content id; text and page stay alternatives."""
    mail = email.compose(firing(series=SERIES, metric="error_ratio", condition="> 0.05"), CONFIG)
    text, related = mail.iter_parts()
    assert [mail.get_content_type(), related.get_content_type()] == ["multipart/alternative", "multipart/related"]
    page, picture = related.iter_parts()
    assert picture.get_content_type() == "image/png"
    content_id = picture["Content-ID"].strip("<>")
    assert f"<img src='cid:{content_id}'" in page.get_content()
    assert "error_ratio around the event" in page.get_content()
    assert "<img" not in text.get_content()
    assert len(picture.get_content()) < 20_000


def test_without_a_series_there_is_no_picture():
    """Neither is one drawn of nothing but gaps, of one moment, or of what is no number."""
    for series in ((), ((1.0, None), (2.0, None)), ((1.0, 2.0),), ((1.0, float("nan")), (2.0, float("inf")))):
        assert draw_picture(part(series=series)) is None
    assert [one.get_content_type() for one in email.compose(firing(), CONFIG).iter_parts()][1] == "text/html"


def test_the_picture_has_the_line_the_threshold_and_the_event():
    """Each is there in its colour; the gap is not bridged, and a flat or huge series is drawn too."""

    def colours(alert) -> set:
        image = Image.open(io.BytesIO(draw_picture(alert))).convert("RGB")
        assert image.size == (960, 300)
        return {colour for _, colour in image.getcolors(1 << 16)}

    blue, red, shade, green = (0x17, 0x5C, 0xD3), (0xB4, 0x23, 0x18), (0xFE, 0xE4, 0xE2), (0x06, 0x76, 0x47)
    firing_now = part(series=SERIES, condition="> 0.05", fired_at=SERIES[60][0])
    assert {blue, red, shade} <= colours(firing_now)
    assert red not in colours(part(series=SERIES, condition="", fired_at=SERIES[60][0]))
    assert green in colours(part(series=SERIES, fired_at=SERIES[50][0], ended_at=SERIES[60][0]))
    for value in (0.0, 1e300, -1e308, 5e-324):
        assert blue in colours(part(series=((1.0, value), (2.0, value)), condition="> 1e308", fired_at=1.5))
    assert draw_picture(part(series=SERIES, metric=HOSTILE, condition=HOSTILE, fired_at=float(10**15)))


@pytest.mark.parametrize(
    ("condition", "threshold"),
    [
        ("> 0.05", 0.05),
        ("<= 5%", 0.05),
        ("week > 1.5", None),
        ("", None),
        ("absent", None),
        (">= -2e3", -2000),
    ],
)
def test_the_threshold_of_a_condition(condition, threshold):
    """The first number that is compared with."""
    assert threshold_of(condition) == threshold


def test_pictures_of_a_group_are_told_apart():
    """Each alert of the first few has its own, once."""
    alerts = tuple(part(fingerprint=f"f{i}", series=SERIES) for i in range(8))
    page, *pictures = list(email.compose(firing(alerts=alerts), CONFIG).iter_parts())[1].iter_parts()
    ids = [picture["Content-ID"].strip("<>") for picture in pictures]
    assert len(set(ids)) == len(ids) == 5
    assert all(page.get_content().count(f"cid:{one}'") == 1 for one in ids)


def test_a_subject_can_stay_the_same_through_an_incident():
    """For programs that begin a conversation with each new subject."""
    config = CONFIG.model_copy(update={"subject": "group"})
    subjects = {email.compose(one, config)["Subject"] for one in (firing(), firing(reason="repeat"), resolved())}
    assert subjects == {"Sightglass: TooManyErrors"}


def test_whatever_names_an_incident_a_message_id_is_one():
    """A group's key may hold anything; the ids stay valid, and the conversation one."""
    first, end = (email.compose(make(incident=HOSTILE + "x" * 500), CONFIG) for make in (firing, resolved))
    assert first["Message-ID"] == end["References"]
    assert re.fullmatch(r"<[A-Za-z0-9._-]+@example\.org>", first["Message-ID"])


def test_a_link_that_would_act_is_no_link():
    """Only http and https become links of the page."""
    mail = email.compose(firing(url="javascript:alert(1)", runbook_url="https://run/book'><b>"), CONFIG)
    page = mail.get_payload(1).get_content()
    assert "javascript:alert(1)'" not in page
    assert "href='https://run/book&#x27;&gt;&lt;b&gt;'" in page


def test_a_group_is_told_whole():
    """Every alert with its own state and labels, as text and as page, and how many are not shown."""
    mail = email.compose(many(3, omitted=4, reason="changed"), CONFIG)
    assert mail["Subject"] == "[FIRING] 2 firing, 1 resolved, 4 not shown: TooManyErrors"
    for content in (mail.get_payload(0).get_content(), mail.get_payload(1).get_content()):
        for told in ("[FIRING] error ratio of v0", "[RESOLVED] error ratio of v2", "4 more alerts are not shown here."):
            assert told in content
    assert "50 more alerts are not shown here." in email.compose(many(100), CONFIG).get_payload(0).get_content()


def test_a_digest_says_how_many_and_which():
    """The subject counts the messages; the body has their headlines."""
    mail = email.compose(firing(reason="digest", digest=("one thing", "another thing")), CONFIG)
    assert mail["Subject"] == "[FIRING] 2 messages in one"
    assert "one thing\nanother thing" in mail.get_payload(0).get_content()


def test_the_webhook_of_a_group_has_what_is_common():
    """Labels and annotations of all alerts, the alerts one by one, and how many were left out."""
    body = webhook.compose(many(3, omitted=4))
    assert body["commonLabels"] == {"alertname": "TooManyErrors", "severity": "page"}
    assert body["commonAnnotations"] == {}
    assert [alert["status"] for alert in body["alerts"]] == ["firing", "firing", "resolved"]
    assert (body["truncatedAlerts"], body["groupKey"]) == (4, '{}:{alertname="TooManyErrors"}:a group')


def test_an_alertmanager_gets_labels_that_it_takes():
    """Names are made safe, empty values left out; what fires has an end far off, what ended has its own."""
    notification = firing(labels={"alertname": "A", "model.version": "v1", "1st": "x", "empty": "", HOSTILE: HOSTILE})
    (alert,) = alertmanager.compose(notification, 1_795_500_000.0)
    assert set(alert) == {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    assert alert["labels"].items() >= {("alertname", "TooManyErrors"), ("model_version", "v1"), ("_1st", "x")}
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) and value for name, value in alert["labels"].items())
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-23T11:32:30.000Z", "2026-11-24T06:00:00.000Z")
    (ended,) = alertmanager.compose(resolved(), 1_795_500_000.0)
    assert ended["endsAt"] == "2026-11-23T11:35:00.000Z"
    assert resolved().status is NotificationStatus.RESOLVED
