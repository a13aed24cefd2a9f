"""What the dashboard asks the API to do: sent once, under the name of who asks, with failures in words."""

import json
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from dashboard.alert_questions import (
    acknowledge,
    alert_history,
    backtest,
    create_silence,
    expire_silence,
    resend,
)
from dashboard.alert_questions import (
    test_channel as try_channel,
)
from dashboard.api_client import Action, ApiClient, ApiConnection
from dashboard.api_errors import ApiBrokenError, ApiError, ApiForbiddenError, ApiTooSlowError, ApiUnreachableError
from dashboard.identity import Identity
from tests.dashboard.alerting_api import FIRING
from tests.dashboard.monitoring_api import FakeMonitoringApi


def test_actions_are_done_once_and_their_answers_typed(client: ApiClient, api: FakeMonitoringApi) -> None:
    """Method, path and body arrive as they are meant; names with slashes stay one part of the path."""
    assert client.do(acknowledge(FIRING, "on it")).author == "anonymous"
    made = client.do(create_silence(['a="b"'], "2h", "why"))
    assert client.do(expire_silence(made.id)).state == "expired"
    assert client.do(try_channel("demo")).delivered
    assert client.do(resend(7)).resent == (7,)
    assert client.do(backtest("TooManyErrors", start="now-1d", end="now")).backtests[0].fired == 1
    assert [(method, path) for method, path, _, _ in api.alerting.done] == [
        ("POST", f"/api/v1/alerts/{FIRING}/acknowledge"),
        ("POST", "/api/v1/silences"),
        ("DELETE", f"/api/v1/silences/{made.id}"),
        ("POST", "/api/v1/channels/demo/test"),
        ("POST", "/api/v1/notifications/7/resend"),
        ("POST", "/api/v1/rules/TooManyErrors/backtest"),
    ]
    assert api.alerting.done[1][2] == {"matchers": ['a="b"'], "duration": "2h", "comment": "why"}
    assert alert_history("../a?b").path == "/api/v1/alerts/..%2Fa%3Fb/history"


def test_they_are_done_on_behalf_of_who_is_signed_in() -> None:
    """The API is told the name and role, for it keeps whose action it is."""
    seen: list[tuple[str | None, str | None, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers.get("X-Sightglass-User"), request.headers["Authorization"], request.content))
        return httpx.Response(200, json={"author": "ann@example.org"})

    ann = Identity(SecretStr("own"), "ann@example.org", "operator", delegated=True)
    with ApiConnection("http://api.test", transport=httpx.MockTransport(answer)) as connection:
        assert ApiClient(connection, ann).do(acknowledge("a", "c")).author == "ann@example.org"
    ((user, token, body),) = seen
    assert (user, token, json.loads(body)) == ("ann@example.org", "Bearer own", {"comment": "c"})


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (httpx.Response(403, json={"detail": "The scope operate is missing."}), ApiForbiddenError),
        (httpx.Response(200, json=["not", "that"]), ApiBrokenError),
        (httpx.ReadTimeout("slow"), ApiTooSlowError),
        (httpx.ConnectError("gone"), ApiUnreachableError),
    ],
)
def test_each_failure_has_its_kind(result: httpx.Response | Exception, kind: type[ApiError]) -> None:
    """Nothing is tried again: nobody knows whether it was done."""
    tried = []

    def answer(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        if isinstance(result, Exception):
            raise result
        return result

    with ApiConnection("http://api.test", transport=httpx.MockTransport(answer)) as connection, pytest.raises(kind):
        ApiClient(connection, Identity()).do(acknowledge("a", ""))
    assert len(tried) == 1


def test_what_takes_long_may_take_long() -> None:
    """A channel's test waits for a mail server, longer than a page waits for its figures."""
    waited = []

    def answer(request: httpx.Request) -> httpx.Response:
        waited.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={"channel": "c", "delivered": True, "author": "a"})

    with ApiConnection("http://api.test", timeout_seconds=3, transport=httpx.MockTransport(answer)) as connection:
        client = ApiClient(connection, Identity())
        actions: list[Action[Any]] = [try_channel("c"), acknowledge("a", "")]
        for action in actions:
            client.do(action)
    assert waited[0] > 100
    assert waited[1] == 3
