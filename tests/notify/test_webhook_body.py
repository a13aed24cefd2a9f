"""A webhook's signature and its template."""

import asyncio
import hashlib
import hmac
import json
import time

import pytest
from pydantic import ValidationError

from services.monitoring_api.notify.channel import DeliveryFailedError, Surroundings
from services.monitoring_api.notify.channels.webhook import WebhookConfig
from tests.notify.messages import HOSTILE, firing, many
from tests.notify.receivers import HttpReceiver

NOW = 1_795_433_999.7


def send(receiver: HttpReceiver, notification, environment=None, **keys) -> dict[str, str]:
    """Send one message, and return the headers that arrived."""
    entry = {"name": "hook", "type": "webhook", "url": receiver.url, "allow": ["127.0.0.0/8"], **keys}
    surroundings = Surroundings(environment or {}, clock=lambda: NOW)
    asyncio.run(WebhookConfig.model_validate(entry).build(surroundings).send(notification))
    return receiver.requests[-1][1]


def test_the_signature_is_over_the_time_and_the_body(tmp_path):
    """A receiver that knows the key computes the same, from the bytes that it got; the key may come from a file."""
    (tmp_path / "key").write_text("s3cret\n")
    with HttpReceiver() as receiver:
        for keys in ({"secret_env": "KEY"}, {"secret_file": str(tmp_path / "key")}):
            headers = send(receiver, firing(), {"KEY": "s3cret"}, **keys)
            expected = hmac.new(b"s3cret", b"1795433999." + receiver.bodies[-1], hashlib.sha256).hexdigest()
            assert headers["X-Sightglass-Signature"] == f"t=1795433999,v1={expected}"
        assert "X-Sightglass-Signature" not in send(receiver, firing())


def test_a_signature_without_its_key_is_no_delivery():
    """Nothing is sent unsigned to somebody who expects a signature."""
    with HttpReceiver() as receiver:
        with pytest.raises(DeliveryFailedError, match="KEY is not set"):
            send(receiver, firing(), secret_env="KEY")
        assert receiver.requests == []


def test_a_template_makes_the_body():
    """It speaks in Alertmanager's names and ours; tojson keeps hostile text a value."""
    template = (
        '{"text": {{ title | tojson }}, "alerts": [{% for alert in alerts %}{{ alert.labels.model_version | tojson }}'
        '{{ "," if not loop.last }}{% endfor %}], "state": "{{ status }}", "n": {{ truncatedAlerts }}}'
    )
    with HttpReceiver() as receiver:
        headers = send(receiver, many(3, omitted=2), template=template, content_type="application/json; charset=utf-8")
        assert receiver.requests[-1][2] == {
            "text": "[FIRING] 2 firing, 1 resolved, 2 not shown: TooManyErrors",
            "alerts": ["v0", "v1", "v2"],
            "state": "firing",
            "n": 2,
        }
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        send(receiver, firing(annotations={"summary": HOSTILE}), template="{{ alerts[0].annotations | tojson }}")
        assert set(receiver.requests[-1][2]) == {"summary"}
        json.dumps(receiver.requests[-1][2])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ title", "line 1 of the template"),
        ("a\n{% for %}", "line 2 of the template"),
        ("{{ titel }}", "uses titel; there are: alerts"),
        ("{{ title | shout }}", "No filter named"),
    ],
)
def test_a_wrong_template_is_told_when_the_file_is_read(template, message):
    """Not at the first alert."""
    with pytest.raises(ValidationError, match=message):
        WebhookConfig.model_validate({"name": "h", "type": "webhook", "url": "http://x", "template": template})


@pytest.mark.parametrize(
    "template",
    [
        "{{ alerts.__class__.__mro__ }}",
        "{{ alerts[0].labels.nothing }}",
        "{{ alerts[9].labels }}",
        "{{ 1 / 0 }}",
        "{{ alerts.append(1) }}",
        "{{ range(10 ** 9) | list }}",
        "{% for i in range(100000) %}{{ '%200s' % i }}{% endfor %}",
    ],
)
def test_a_template_can_t_leave_its_sandbox(template):
    """What goes wrong is a failed delivery with its reason, soon, and changes nothing."""
    begun = time.monotonic()
    with HttpReceiver() as receiver:
        with pytest.raises(DeliveryFailedError, match=r"mend `template`") as caught:
            send(receiver, firing(), template=template)
        assert caught.value.permanent
        assert receiver.requests == []
    assert time.monotonic() - begun < 30
