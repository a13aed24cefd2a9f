"""The demo's one test mail."""

import httpx
import pytest

from services.cli.demo.ledger import Ledger
from services.cli.demo.sample_mail import send_once

MAILS = {"name": "my-mail", "type": "demo-mail"}
DELIVERED = {"delivered": True, "detail": "250 kept"}


@pytest.fixture
def ledger(tmp_path):
    """A ledger on an empty folder."""
    return Ledger(tmp_path / "ledger.sqlite")


def monitoring(*, channels=(MAILS,), verdict=DELIVERED, status=200):
    """A monitoring API with these channels that answers a test so, and the tests that it was asked for."""
    asked = []

    def answer(request):
        if request.method == "GET":
            return httpx.Response(200, json={"channels": [{"name": "log", "type": "log"}, *channels]})
        asked.append(request.url.path)
        return httpx.Response(status, json=verdict)

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://monitoring"), asked


def test_it_is_sent_once_per_data_folder(ledger):
    """The first start sends it by the route of `channels test`, a later one only says how to send another."""
    client, asked = monitoring()
    first, second = send_once(client, ledger), send_once(client, ledger)
    assert asked == ["/api/v1/channels/my-mail/test"]
    assert first.startswith("a test mail lies there")
    assert "test mail lies" not in second
    assert "`sightglass channels test my-mail`" in first
    assert "`sightglass channels test my-mail`" in second


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ({"verdict": {"delivered": False, "detail": "no worker takes mails"}}, "no worker takes mails"),
        ({"status": 403}, "403"),
        ({"verdict": ["odd"]}, "no test mail"),
        ({"channels": [{"type": "demo-mail"}]}, "no test mail"),
    ],
)
def test_what_goes_wrong_is_told_and_tried_again_at_the_next_start(ledger, refusal, reason):
    """Nothing is raised, the reason is said with what to try, and it isn't booked."""
    told = send_once(monitoring(**refusal)[0], ledger)
    assert reason in told
    assert "`sightglass channels" in told
    client, asked = monitoring()
    send_once(client, ledger)
    assert len(asked) == 1


def test_without_the_channel_nothing_is_sent_or_said(ledger):
    """Somebody else's channels get no unasked message."""
    client, asked = monitoring(channels=({"name": "ops-mail", "type": "email"},))
    assert send_once(client, ledger) is None
    assert asked == []


def test_an_api_that_is_away_is_told(ledger):
    """A refused connection is a line, no failure."""

    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    client = httpx.Client(transport=httpx.MockTransport(refuse), base_url="http://monitoring")
    assert "refused" in send_once(client, ledger)
