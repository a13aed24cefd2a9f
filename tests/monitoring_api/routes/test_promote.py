"""Promoting through the monitoring API: forwarded with the caller's rights, and honest about what the ML API did."""

import asyncio
import json

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings

from .test_hostile_input import Silent

pytestmark = pytest.mark.anyio
PATH = "/api/v1/models/flight-delay/promote"
DONE = {"name": "flight-delay", "active": "v2", "previous": "v1"}
PROBLEM = {"content-type": "application/problem+json"}


class Upstream:
    """What stands in for the ML API's network: it keeps what it was asked.

    Args:
        answer: Made of the request; may take its time, or raise.
    """

    def __init__(self, answer):
        self.asked = []
        self.answer = answer

    async def __call__(self, request):
        """One request."""
        self.asked.append(request)
        answer = self.answer(request)
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture
def promoting(tmp_path):
    """Promotes: gives the answer of the API, what the ML API was asked, and the audit log."""

    async def promoting(answer, body=None, path=PATH, headers=None, **chosen):
        settings = MonitoringApiSettings(
            _env_file=None, data_dir=tmp_path, **{"ml_api_url": "http://ml.example:8002/", **chosen}
        )
        upstream = Upstream(answer)
        app = create_app(settings, database=Silent(), ml_api_transport=httpx.MockTransport(upstream))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            got = await client.post(path, json={"version": "v2"} if body is None else body, headers=headers)
        log = tmp_path / "audit" / "monitoring-api.jsonl"
        return got, upstream.asked, [json.loads(line) for line in log.read_text().splitlines()]

    return promoting


async def test_it_is_forwarded_with_the_caller_s_rights(promoting):
    """Authorization and the user's headers go along, and nothing else of the caller's; the answer comes back."""
    headers = {
        "authorization": "Bearer whatever",
        "x-sightglass-user": "Ann Müller".encode(),
        "x-sightglass-role": "admin",
        "cookie": "a=b",
    }
    got, (asked,), (line,) = await promoting(lambda _: httpx.Response(200, json=DONE), headers=headers)
    assert (got.status_code, got.json()) == (200, DONE)
    assert str(asked.url) == "http://ml.example:8002/v1/models/flight-delay/promote"
    assert json.loads(asked.content) == {"version": "v2"}
    assert asked.headers["authorization"] == "Bearer whatever"
    assert dict(asked.headers.raw)[b"x-sightglass-user"] == "Ann Müller".encode()
    assert asked.headers["x-sightglass-role"] == "admin"
    assert "cookie" not in asked.headers
    assert (line["action"], line["target"], line["on_behalf_of"], line["outcome"]) == (
        "model.promote", "flight-delay/v2", "Ann Müller", "ok",
    )  # fmt: skip


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429])
async def test_its_refusals_pass_through(promoting, status):
    """What the ML API says of the caller's request is what the caller has to know."""
    said = {"type": "about:blank", "title": "x", "status": status, "detail": "because"}
    more = {**PROBLEM, "retry-after": "7", "www-authenticate": "Bearer", "x-internal": "secret"}
    got, _, (line,) = await promoting(lambda _: httpx.Response(status, content=json.dumps(said), headers=more))
    assert (got.status_code, got.json()) == (status, said)
    assert got.headers["content-type"] == "application/problem+json"
    assert (got.headers["retry-after"], got.headers["www-authenticate"]) == ("7", "Bearer")
    assert "x-internal" not in got.headers
    assert line["status"] == status


def _raises(error):
    def answer(request):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda _: httpx.Response(500), 503),
        (lambda _: httpx.Response(503, headers=PROBLEM, content="{}"), 503),
        (lambda _: httpx.Response(504), 504),
        (lambda _: httpx.Response(302, headers={"location": "http://elsewhere/"}), 503),
        (lambda _: httpx.Response(200, text="<html>"), 503),
        (lambda _: httpx.Response(404, text="<html>"), 503),
        (lambda _: httpx.Response(200, json={"x": "y" * 2_000_000}), 503),
        (_raises(httpx.ConnectError("refused")), 503),
        (_raises(httpx.ReadError("reset")), 503),
        (_raises(httpx.RemoteProtocolError("not HTTP")), 503),
        (_raises(httpx.DecodingError("gzip")), 503),
        (_raises(httpx.UnsupportedProtocol("ftp")), 503),
        (_raises(httpx.InvalidURL("port")), 503),
        (_raises(httpx.ReadTimeout("slow")), 504),
    ],
)
async def test_an_ml_api_in_trouble_is_a_503_or_504_that_says_when_to_ask_again(promoting, answer, status):
    """Never a 500, and it stands in the audit log."""
    got, _, (line,) = await promoting(answer)
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/problem+json"
    assert int(got.headers["retry-after"]) > 0
    assert (line["outcome"], line["status"]) == ("failed", status)


async def test_an_ml_api_that_hangs_is_a_504_within_the_deadline(promoting):
    """The route's deadline counts, and the answer says that it may still happen."""
    got, _, _ = await promoting(lambda _: asyncio.sleep(3600), deadline_seconds=0.2)
    assert got.status_code == 504
    assert "may still do it" in got.json()["detail"]


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        ({}, PATH, 422),
        ({"version": ""}, PATH, 422),
        ({"version": "../x"}, PATH, 422),
        ({"version": "v2", "more": 1}, PATH, 422),
        ({"version": "v2"}, "/api/v1/models/%2e%2e/promote", 422),
        ({"version": "v2"}, "/api/v1/models/a%20b/promote", 422),
    ],
)
async def test_bad_input_goes_nowhere(promoting, body, path, status):
    """It is refused here, with the field named."""
    got, asked, _ = await promoting(lambda _: httpx.Response(200, json=DONE), body=body, path=path)
    assert (got.status_code, asked) == (status, [])
    assert got.json()["errors"][0]["field"] in {"version", "name", "more"}
