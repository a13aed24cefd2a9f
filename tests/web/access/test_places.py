"""A client has so many requests under way as it may, and a place is free again however its request ended."""

import asyncio

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from services.web.access.policy import Policy
from services.web.application import create_base
from services.web.listener_settings import ListenerSettings
from tests.web.access.conftest import bearer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


class Slow:
    """A route that answers when told to, and fails when told to."""

    def __init__(self):
        self.may = asyncio.Event()
        self.under_way = 0
        self.most = 0

    async def __call__(self, fail: bool = False) -> dict[str, str]:
        """One request."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.may.wait()
        finally:
            self.under_way -= 1
        if fail:
            raise RuntimeError
        return {}


@pytest.fixture
def slow():
    """The slow route."""
    return Slow()


@pytest.fixture
def build(tmp_path, slow):
    """``build(at_once, **settings)`` is an application with the slow route."""

    def build(at_once=3, **settings) -> FastAPI:
        chosen = ListenerSettings(_env_file=None, data_dir=tmp_path, port=1, **settings)
        app = create_base(
            "slow",
            chosen,
            process="slow",
            version="1",
            max_body_bytes=100,
            policy=Policy(),
            links={},
            requests_at_once=at_once,
        )
        app.get("/slow")(slow.__call__)
        app.get("/readyz")(slow.__call__)
        return app

    return build


def client_of(app, address="127.0.0.1"):
    """A client at an address."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def _until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (requests over ASGI set no event)
            await asyncio.sleep(0.01)


async def test_one_too_many_is_told_to_wait(build, slow):
    """429 as a problem with Retry-After; health checks and other addresses are served; afterwards so is the client."""
    app = build()
    async with client_of(app) as client, client_of(app, "10.0.0.9") as other:
        waiting = [asyncio.create_task(client.get("/slow", params={"fail": fail})) for fail in (False, True, False)]
        await _until(lambda: slow.under_way == 3)
        refused = await client.get("/slow")
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/healthz")).status_code == 200
        more = [asyncio.create_task(each) for each in (client.get("/readyz"), other.get("/slow"))]
        await _until(lambda: slow.under_way == 5)
        slow.may.set()
        assert [(await each).status_code for each in [*waiting, *more]] == [200, 500, 200, 200, 200]
        again = await asyncio.gather(*(client.get("/slow") for _ in range(3)))
        assert [each.status_code for each in again] == [200] * 3


async def test_a_token_is_one_client_wherever_it_is_used(build, slow, make):
    """Two tokens at one address have places of their own; one at two addresses has its own only once."""
    app = build(1, auth="on")
    (_, one), (_, two) = make("one"), make("two")
    async with client_of(app) as here, client_of(app, "10.0.0.9") as there:
        waiting = [asyncio.create_task(here.get("/slow", headers=bearer(text))) for text in (one, two)]
        await _until(lambda: slow.under_way == 2)
        assert (await there.get("/slow", headers=bearer(one))).status_code == 429
        assert (await here.get("/slow", headers=bearer("x"))).status_code == 401
        slow.may.set()
        assert [(await each).status_code for each in waiting] == [200, 200]


async def test_who_is_cancelled_frees_the_place(build, slow):
    """A server that stops waiting for a request leaves nothing taken."""
    app = build(1)
    async with client_of(app) as client:
        for _ in range(3):
            waiting = asyncio.create_task(client.get("/slow"))
            await _until(lambda: slow.under_way == 1)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        slow.may.set()
        assert (await client.get("/slow")).status_code == 200


async def test_who_goes_away_frees_the_place(build, slow):
    """Over a real server: the connection closes, the work on it ends, and the client may ask again."""
    app = build(1)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    await _until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /slow HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        await _until(lambda: slow.under_way == 1)
        writer.close()
        await _until(lambda: slow.under_way == 0)
    slow.may.set()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/slow")).status_code == 200
    server.should_exit = True
    await serving
    assert slow.most == 1
