"""The client of the monitoring API, against a server that answers for real."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pydantic import SecretStr

from dashboard.answers import Current, History
from dashboard.api_client import ApiClient, ApiConnection, alerts, catalogue, current, history, pipeline_health
from dashboard.api_errors import (
    ApiBrokenError,
    ApiBusyError,
    ApiDeniedError,
    ApiError,
    ApiForbiddenError,
    ApiRefusedError,
    ApiTooSlowError,
    ApiUnreachableError,
    StoreUnavailableError,
)
from dashboard.identity import Identity
from tests.dashboard.monitoring_api import FakeMonitoringApi


@contextmanager
def answering(status: int, body: Any = None, **headers: str) -> Iterator[ApiClient]:
    """A client whose API always gives one answer."""
    kind = {"json": body} if not isinstance(body, str) else {"text": body}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, **kind))
    with ApiConnection("http://api.test", transport=transport) as connection:
        yield ApiClient(connection, Identity())


def test_every_answer_is_typed(client: ApiClient) -> None:
    """Each route's answer becomes its model, with times as instants."""
    assert client.ask(catalogue()).named("latency_p95") is not None
    line = client.ask(history("score_mean", group_by=("model_version",)))
    assert line.end > line.start
    assert [series.labels["model_version"] for series in line.series] == ["3f9a1c20", "b71e44d9"]
    assert line.complete_until is not None
    assert client.ask(current("request_rate")).value
    assert client.ask(pipeline_health()).ingest_lag_seconds.p95 == 1.6
    assert client.ask(alerts()).worker.state == "running"


def test_parameters_arrive_as_they_are(client: ApiClient, api: FakeMonitoringApi) -> None:
    """Filters repeat, groups are joined, and special characters survive the way."""
    filters = ("route=/a?b&c=d%20", "service!=x y", "model^='q'")
    client.ask(history("request_rate", start="now-1h", step="1m", filters=filters, group_by=("service", "route")))
    assert api.asked[-1] == (
        "/api/v1/metrics/history",
        {
            "metric": ["request_rate"],
            "from": ["now-1h"],
            "to": ["now"],
            "step": ["1m"],
            "tz": ["UTC"],
            "filter": list(filters),
            "group_by": ["service,route"],
        },
    )


def test_questions_are_asked_at_once(client: ApiClient, api: FakeMonitoringApi) -> None:
    """All eight are there before the first is answered."""
    api.together = threading.Barrier(8)
    answers = client.ask_all([current("request_rate")] * 8)
    assert all(isinstance(answer, Current) for answer in answers)


def test_one_refusal_does_not_take_the_others_along(client: ApiClient) -> None:
    """Each question gets its own answer or its own error, in order."""
    refused, answered = client.ask_all([history("no_such_metric"), history("request_rate")])
    assert isinstance(refused, ApiRefusedError)
    assert isinstance(answered, History)


def test_a_problem_names_its_fields(client: ApiClient) -> None:
    """RFC 9457 problems keep status, detail and the fields they name."""
    with pytest.raises(ApiRefusedError) as caught:
        client.ask(history("no_such_metric"))
    assert caught.value.status == 422
    assert caught.value.detail == "Unknown metric."
    assert [(item.field, item.message) for item in caught.value.errors] == [
        ("metric", "no_such_metric is not in the catalogue")
    ]
    assert not caught.value.passing


def test_a_store_that_is_away_says_when_to_come_back(client: ApiClient, api: FakeMonitoringApi) -> None:
    """503 is told apart from an API that is away, and carries Retry-After."""
    api.mode = "store-down"
    with pytest.raises(StoreUnavailableError) as caught:
        client.ask(current("request_rate"))
    assert caught.value.retry_after_seconds == 5
    assert caught.value.passing


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ApiRefusedError),
        (401, ApiDeniedError),
        (403, ApiForbiddenError),
        (404, ApiRefusedError),
        (429, ApiBusyError),
        (500, ApiBrokenError),
        (502, ApiBrokenError),
        (503, StoreUnavailableError),
        (504, ApiTooSlowError),
        (302, ApiBrokenError),
    ],
)
def test_each_status_has_its_kind(status: int, kind: type[ApiError]) -> None:
    """The kind decides what the page says, whatever the body holds."""
    for body in ({"detail": "why"}, [], "<html>proxy</html>", {"errors": "none"}, {"errors": [1, {"field": "a"}]}):
        with answering(status, body) as client, pytest.raises(kind) as caught:
            client.ask(alerts())
        assert type(caught.value) is kind


@pytest.mark.parametrize(
    "body", ["not json", [1, 2], {"from": 1}, {"metric": "m", "from": "?", "to": 2, "step_seconds": 1}]
)
def test_another_shape_is_broken_and_no_crash(body: Any) -> None:
    """Something else at the API's address is said to be that."""
    with answering(200, body) as client, pytest.raises(ApiBrokenError):
        client.ask(history("request_rate"))


def test_nobody_listening_is_unreachable() -> None:
    """A refused connection names the address."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with ApiConnection(url, timeout_seconds=2) as connection, pytest.raises(ApiUnreachableError, match=url):
            ApiClient(connection, Identity()).ask(alerts())


def test_an_api_that_hangs_is_given_up(api: FakeMonitoringApi) -> None:
    """Patience ends after the timeout."""
    api.delay_seconds = 1.5
    with ApiConnection(api.url, timeout_seconds=0.3) as connection, pytest.raises(ApiTooSlowError):
        ApiClient(connection, Identity()).ask(alerts())


def test_everybody_asks_with_their_own_token() -> None:
    """Over one connection, each question carries what its asker showed, also when they ask at the same time."""
    seen: list[tuple[str | None, ...]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        names = ("Authorization", "X-Sightglass-User", "X-Sightglass-Role")
        seen.append(tuple(request.headers.get(name) for name in names))
        return httpx.Response(200, json={"alerts": []})

    ann = Identity(SecretStr("own"), "ann@example.org", "viewer", delegated=True)
    with ApiConnection("http://api.test", transport=httpx.MockTransport(answer)) as connection:
        for somebody in (Identity(SecretStr("s3cret")), ann, Identity()):
            ApiClient(connection, somebody).ask(alerts())
            ApiClient(connection, somebody).ask_all([alerts()])
    expected = [("Bearer s3cret", None, None), ("Bearer own", "ann@example.org", "viewer"), (None, None, None)]
    assert seen == [headers for headers in expected for _ in range(2)]


def test_https_is_checked_with_the_authorities_given(tmp_path: Path) -> None:
    """An API whose certificate they signed is asked; to any other no token is ever sent."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "other.pem")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    somebody = Identity(SecretStr("s3cret"))
    with FakeMonitoringApi(tls=served) as api:
        with ApiConnection(api.url, ca_file=tmp_path / "ca.pem") as connection:
            assert ApiClient(connection, somebody).ask(alerts()).worker.state == "running"
        asked = len(api.heard)
        for ca_file in (tmp_path / "other.pem", None):
            with ApiConnection(api.url, ca_file=ca_file) as connection, pytest.raises(ApiUnreachableError):
                ApiClient(connection, somebody).ask(alerts())
        assert len(api.heard) == asked
