"""Slack's and PagerDuty's messages keep the limits that these publish, whatever telemetry puts into them.

Slack: https://docs.slack.dev/reference/block-kit/blocks and /reference/block-kit/block-elements/button-element
PagerDuty: https://developer.pagerduty.com/docs/events-api-v2-overview and /docs/send-alert-event
"""

import json

import pytest

from services.monitoring_api.notify.channels import pagerduty, slack
from tests.notify.messages import HOSTILE, firing, many, part, resolved

LONG = "é<!channel>" * 5_000
MESSAGES = {
    "firing": firing(),
    "resolved": resolved(),
    "hostile": firing(
        alertname=HOSTILE,
        labels={"alertname": HOSTILE, HOSTILE: HOSTILE, "severity": HOSTILE, "service": HOSTILE},
        annotations={"summary": HOSTILE, "description": HOSTILE, HOSTILE: HOSTILE},
        group_labels={HOSTILE: HOSTILE},
    ),
    "empty": firing(
        alertname="", labels={}, annotations={"summary": "", "x": " "}, group_labels={}, url="", value=None
    ),
    "long": firing(
        idempotency_key="k" * 1_000,
        incident="i" * 1_000,
        alertname=LONG,
        annotations={"summary": LONG, **{f"{LONG}{i}": LONG for i in range(40)}},
        labels={f"{LONG}{i}": LONG for i in range(40)},
        group_labels={LONG: LONG},
        url=f"https://x/{LONG}",
        error=LONG,
        metric=LONG,
        condition=LONG,
        trace_ids=("a" * 32,) * 500,
        ended_at=1_795_433_700.0,
        late_seconds=9_999.0,
        digest=(LONG,) * 500,
        omitted=7,
        reason="repeat",
    ),
    "many": many(1_000, omitted=7, digest=("one", "", "three"), late_seconds=9_999.0, reason="repeat"),
    "many long": firing(
        alerts=tuple(
            part(
                fingerprint=f"f{i}",
                cause="no_data" if i % 2 else "condition",
                labels={f"{LONG}{j}": LONG for j in range(20)},
                annotations={f"n{j}": LONG for j in range(20)},
                runbook_url="https://run/book",
                silence_url="https://silence/" + "é" * 600,
            )
            for i in range(30)
        )
    ),
    "digest alone": firing(alerts=(), reason="digest", digest=("a", "b"), url=""),
}


@pytest.fixture(params=MESSAGES.values(), ids=MESSAGES.keys())
def notification(request):
    """Each message in turn."""
    return request.param


def walk(value):
    """Every mapping inside."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


def test_slack_takes_it(notification):
    """50 blocks; 150 characters of header, 3,000 of section, 10 fields of 2,000, buttons of 75 with URLs of 3,000."""
    message = slack.compose(notification)
    blocks = [*message["blocks"], *(block for one in message["attachments"] for block in one["blocks"])]
    assert 1 <= len(blocks) <= 50
    assert all(attachment["blocks"] for attachment in message["attachments"])
    for block in blocks:
        assert len(block.get("block_id", "")) <= 255
        assert 1 <= len(block.get("fields", [None])) <= 10
        assert 1 <= len(block.get("elements", [None])) <= 25
        if "text" in block:
            assert 1 <= len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3_000)
        for field in block.get("fields", []):
            assert 1 <= len(field["text"]) <= 2_000
        ids = [element["action_id"] for element in block.get("elements", [])]
        assert len(set(ids)) == len(ids)
        for button in block.get("elements", []):
            assert 1 <= len(button["text"]["text"]) <= 75
            assert len(button["url"]) <= 3_000
            assert len(button["action_id"]) <= 255
            assert button["url"].startswith(("https://", "http://"))
    assert 1 <= len(message["text"]) <= 40_000


def test_nothing_acts_in_slack(notification):
    """No text is mrkdwn but the fallback, which is escaped, and no URL can end its field."""
    message = slack.compose(notification)
    assert not any(character in message["text"] for character in "<>")
    assert {text["type"] for text in walk(message) if "emoji" in text} == {"plain_text"}
    assert not [text for text in walk(message) if text.get("type") == "mrkdwn"]
    for button in (one for one in walk(message) if one.get("type") == "button"):
        assert button["url"].isascii()
        assert not any(character in button["url"] for character in '<>| \n"')


def test_slack_s_buttons_lead_to_dashboard_runbook_and_silence():
    """One row of buttons for each alert; a URL with Slack's own characters stays one URL."""
    message = slack.compose(
        firing(url="http://x/?q=<!channel>|y&z=1", runbook_url="https://run", silence_url="https://s")
    )
    buttons = {one["text"]["text"]: one["url"] for one in walk(message) if one.get("type") == "button"}
    assert buttons == {
        "Open the dashboard": "http://x/?q=%3C!channel%3E%7Cy&z=1",
        "Runbook": "https://run",
        "Silence": "https://s",
    }


def test_slack_s_colours_tell_the_states_apart():
    """Red for what fires, amber for want of data, green for what has resolved; a mixed group has each."""

    def colours(message) -> list[str]:
        return [attachment["color"] for attachment in slack.compose(message)["attachments"]]

    red, green, amber = "#b42318", "#067647", "#b54708"
    assert colours(firing()) == [red]
    assert colours(resolved()) == [green]
    assert colours(firing(cause="no_data")) == [amber]
    assert colours(many(3)) == [red, green]
    assert colours(firing(alerts=(part(cause="no_data"), part(fingerprint="x")))) == [red, amber]


def test_pagerduty_takes_it(notification):
    """A summary of 1,024 characters, a key of 255, an event of 512 KB, and every field that it asks for."""
    for event in pagerduty.compose(notification):
        body = pagerduty.within_limit({"routing_key": "k" * 32, **event})
        assert len(body) <= 512_000
        sent = json.loads(body)
        assert sent["event_action"] in {"trigger", "resolve"}
        assert 1 <= len(sent["dedup_key"]) <= 255
        if sent["event_action"] == "resolve":
            continue
        payload = sent["payload"]
        assert 1 <= len(payload["summary"]) <= 1_024
        assert payload["severity"] in {"critical", "error", "warning", "info"}
        assert payload["source"]
        assert payload["timestamp"].endswith("Z")
        for link in sent.get("links", []):
            assert link["href"].startswith(("https://", "http://"))


def test_pagerduty_resolves_what_it_triggered():
    """One event per alert; the end of a firing has the key of its beginning, and the next firing another."""
    (trigger,), (end,) = pagerduty.compose(firing()), pagerduty.compose(resolved())
    assert (trigger["event_action"], end["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == end["dedup_key"]
    (other,) = pagerduty.compose(firing(incident="another"))
    assert other["dedup_key"] != trigger["dedup_key"]
    assert [event["event_action"] for event in pagerduty.compose(many(3))] == ["trigger", "trigger", "resolve"]


@pytest.mark.parametrize(
    ("label", "severity"),
    [("page", "critical"), ("Critical", "critical"), ("ticket", "warning"), ("info", "info"), ("odd", "error")],
)
def test_pagerduty_s_severity_follows_the_label(label, severity):
    """What it doesn't know is an error."""
    (event,) = pagerduty.compose(firing(labels={"severity": label}))
    assert event["payload"]["severity"] == severity
