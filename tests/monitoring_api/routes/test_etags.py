"""Every answer has a name, and who knows it is not sent the answer again; the dashboard's client makes use of that."""

import asyncio

import httpx
import pytest
import uvicorn

from dashboard.api_client import ApiClient, ApiConnection, alerts, catalogue, history
from dashboard.identity import Identity
from services.monitoring_api.app import create_app
from services.monitoring_api.routes.etags import ETags
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/v1/alerts", "/api/v1/traces?from=0", "/openapi.json", "/"])
async def test_every_answer_has_a_name(api, path):
    """The same answer the same one; with it a 304 without a body, with another one the answer."""
    first = await api.get(path)
    assert first.status_code == 200
    etag = first.headers["etag"]
    known = await api.get(path, headers={"If-None-Match": f'"x", W/{etag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert "content-type" not in known.headers
    assert known.headers["x-content-type-options"] == "nosniff"
    other = await api.get(path, headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_a_failure_has_none(api):
    """A problem is not to be had from a cache, whatever the client knows."""
    answer = await api.get("/api/v1/metrics/history?metric=nothing", headers={"If-None-Match": "*"})
    assert answer.status_code == 422
    assert "etag" not in answer.headers


@pytest.mark.parametrize("pieces", [[b"ab", b"c"], [b"x" * 1_000_001]], ids=["in pieces", "long"])
async def test_what_is_sent_in_pieces_or_is_long_passes_as_it_is(pieces):
    """Nothing is held back or put together to be named."""

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number, piece in enumerate(pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces) - 1})

    transport = httpx.ASGITransport(ETags(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.content) == (200, b"".join(pieces))
    assert "etag" not in answer.headers


async def test_a_page_of_the_dashboard_that_did_not_change_costs_304s(store, tmp_path):
    """Its client asks a real server twice: the second time nothing but headers comes, and the answers are the same."""
    store.insert("otel_traces", [span(T0)])
    settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path, answer_seconds=0)
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, database=store, clock=lambda: T0), port=0, log_level="error")
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110  (uvicorn sets no event)
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    seen = []
    page = [catalogue(), alerts(), *(history(name, start="now-1h") for name in ("request_rate", "error_ratio"))]
    with ApiConnection(f"http://127.0.0.1:{port}") as connection:
        connection.http.event_hooks["response"] = [lambda answer: seen.append(answer.status_code)]
        client = ApiClient(connection, Identity())
        first, second = [await asyncio.to_thread(client.ask_all, page) for _ in range(2)]
    server.should_exit = True
    await serving
    assert seen == [200] * 4 + [304] * 4
    assert first == second
    assert first[2].series
