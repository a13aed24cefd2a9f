"""What several people ask is made once, kept for a moment, named by its content, and given up when nobody wants it."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn

from services.monitoring_api.app import create_app
from services.monitoring_api.database.errors import DatabaseUnavailable
from services.monitoring_api.routes.shared_answers import Rendered, SharedAnswers
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.access.register import create_token
from services.web.access.scopes import ROLE_SCOPES, Role
from services.web.access.token_file import TokenFile
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
HISTORY = "/api/v1/metrics/history"
PARAMETERS = {"metric": "request_rate", "from": "now-2h", "step": "1m", "group_by": "route"}


class Asking:
    """A request of a client."""

    def __init__(self, **headers):
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": named}


class Making:
    """Makes an answer when told to; counts how often it was asked and cancelled."""

    def __init__(self):
        self.may = asyncio.Event()
        self.fails: Exception | None = None
        self.begun = self.cancelled = 0

    async def __call__(self):
        """One answer."""
        self.begun += 1
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise self.fails
        return Rendered(b"{}", "application/json")


@pytest.fixture
def clock():
    """Seconds that a test moves: ``clock[0]``."""
    return [0.0]


@pytest.fixture
def answers(clock):
    """Answers kept for a second."""
    return SharedAnswers(100_000, 1.0, clock=lambda: clock[0])


async def turn(count=5):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_fifty_at_once_are_asked_once(answers):
    """All get the answer; the next moment's too, without asking."""
    make = Making()
    waiting = [asyncio.create_task(answers.respond("k", Asking(), make)) for _ in range(50)]
    await turn()
    make.may.set()
    found = await asyncio.gather(*waiting)
    assert {(each.status_code, each.body) for each in found} == {(200, b"{}")}
    await answers.respond("k", Asking(), make)
    assert make.begun == 1
    await answers.respond("other", Asking(), make)
    assert make.begun == 2


async def test_an_answer_is_kept_for_its_time(answers, clock):
    """After that it is made anew."""
    make = Making()
    make.may.set()
    for at, begun in ((0.0, 1), (0.9, 1), (1.1, 2)):
        clock[0] = at
        await answers.respond("k", Asking(), make)
        assert make.begun == begun


async def test_a_failure_is_nobody_elses(answers):
    """Those who waited for it get it; who asks then asks anew."""
    make = Making()
    make.fails = DatabaseUnavailable("gone")
    waiting = [asyncio.create_task(answers.respond("k", Asking(), make)) for _ in range(3)]
    await turn()
    make.may.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(each) for each in found] == ["gone"] * 3
    make.fails = None
    assert (await answers.respond("k", Asking(), make)).status_code == 200
    assert make.begun == 2


async def test_it_is_given_up_when_the_last_who_wanted_it_leaves(answers):
    """One who leaves takes nothing from the other; after both the work is cancelled, and a third begins anew."""
    make = Making()
    waiting = [asyncio.create_task(answers.respond("k", Asking(), make)) for _ in range(2)]
    await turn()
    for task, cancelled in zip(waiting, (0, 1), strict=True):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert make.cancelled == cancelled
    make.may.set()
    assert (await answers.respond("k", Asking(), make)).status_code == 200
    assert make.begun == 2


@pytest.mark.parametrize(
    ("tags", "status"),
    [("{}", 304), ('W/{}, "x"', 304), ('"x", {}', 304), ("*", 304), ('"x"', 200), ("", 200), ("{", 200)],
)
async def test_who_has_the_answer_gets_no_body(answers, tags, status):
    """If-None-Match is compared with the ETag, weakly."""
    make = Making()
    make.may.set()
    etag = (await answers.respond("k", Asking(), make)).headers["etag"]
    answer = await answers.respond("k", Asking(if_none_match=tags.replace("{}", etag)), make)
    assert answer.status_code == status
    assert answer.body == (b"" if status == 304 else b"{}")
    assert (answer.headers["etag"], answer.headers["cache-control"]) == (etag, "private, no-cache")


async def test_what_is_too_large_is_answered_and_not_kept():
    """The bound is on bytes."""
    make = Making()
    make.may.set()
    answers = SharedAnswers(10, 1.0)
    for _ in range(2):
        assert (await answers.respond("k", Asking(), make)).body == b"{}"
    assert make.begun == 2


async def test_history_over_http_is_asked_once_and_named(api, asking, store):
    """Fifty identical questions take the statements of one; an unchanged answer is a 304, a changed one is not."""
    at = T0 - timedelta(minutes=1)
    store.insert("otel_traces", [span(at, route="/a"), span(at, route="/b")])
    store.asked.clear()
    async with asking(store) as another:
        await another.get(HISTORY, params=PARAMETERS)
    one = len(store.asked)
    store.asked.clear()
    found = await asyncio.gather(*(api.get(HISTORY, params=PARAMETERS) for _ in range(50)))
    assert {(each.status_code, each.text) for each in found} == {(200, found[0].text)}
    assert len(store.asked) == one
    etag = found[0].headers["etag"]
    assert (await api.get(HISTORY, params=PARAMETERS, headers={"If-None-Match": etag})).status_code == 304
    other = {**PARAMETERS, "group_by": "service"}
    assert (await api.get(HISTORY, params=other, headers={"If-None-Match": etag})).status_code == 200


async def test_what_is_kept_is_given_only_to_who_asks_the_same(api, store):
    """Other parameters, another format and another method are other questions; a bad one stays bad."""
    at = T0 - timedelta(minutes=1)
    store.insert("otel_traces", [span(at, route="/a")])
    whole = await api.get(HISTORY, params=PARAMETERS)
    asked = len(store.asked)
    again = await api.get(HISTORY, params=PARAMETERS)
    assert (again.content, again.headers) == (whole.content, whole.headers)
    assert len(store.asked) == asked
    assert (await api.get(HISTORY, params=PARAMETERS, headers={"Accept": "text/csv"})).text.startswith("time")
    assert (await api.get(HISTORY, params={**PARAMETERS, "step": "5m"})).json()["step_seconds"] == 300
    assert (await api.post(HISTORY, params=PARAMETERS)).status_code == 405
    assert (await api.get(HISTORY, params={**PARAMETERS, "x": "1"})).status_code == 422


async def test_what_is_kept_is_given_only_to_who_may_ask(store, tmp_path):
    """A good answer of the moment before is nothing to somebody without a token."""
    file = TokenFile(tmp_path / "secrets" / "tokens.json")
    _, token = create_token(
        file, "ann", scopes=ROLE_SCOPES[Role.VIEWER], delegate=False, now=datetime.now(UTC), expires_at=None
    )
    settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path, auth="on", answer_seconds=60)
    app = create_app(settings, database=store, clock=lambda: T0)
    good = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        for headers, status in (({}, 401), (good, 200), (good, 200), ({}, 401), ({"Authorization": "Bearer x"}, 401)):
            answer = await client.get(HISTORY, params=PARAMETERS, headers=headers)
            assert answer.status_code == status
        etag = (await client.get(HISTORY, params=PARAMETERS, headers=good)).headers["etag"]
        refused = await client.get(HISTORY, params=PARAMETERS, headers={"If-None-Match": etag})
    assert refused.status_code == 401
    assert "etag" not in refused.headers


async def test_a_failed_question_is_asked_again(asking, store):
    """A 503 is not kept: the next one is answered."""

    class Failing:
        """Fails once."""

        failed = False

        async def fetch(self, query, **_):
            """Fail, then answer."""
            if not self.failed:
                self.failed = True
                raise DatabaseUnavailable("gone")
            return await store.fetch(query)

        async def close(self):
            """Nothing to let go."""

    async with asking(Failing()) as client:
        statuses = [(await client.get(HISTORY, params=PARAMETERS)).status_code for _ in range(2)]
    assert statuses == [503, 200]


@pytest.mark.parametrize(
    "path",
    [f"{HISTORY}?metric=request_rate", "/api/v1/metrics/current?metric=request_rate", "/api/v1/traces", "/api/v1/logs"],
)
async def test_a_browser_that_goes_away_ends_its_question(tmp_path, path):
    """Over a real server and every layer in front of the route: once the connection closes, the asking is cancelled."""

    class Endless:
        """Never answers."""

        def __init__(self):
            self.asked, self.cancelled = asyncio.Event(), asyncio.Event()

        async def fetch(self, *_, **__):
            """Wait for ever."""
            self.asked.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise

        async def close(self):
            """Nothing to let go."""

    database = Endless()
    app = create_app(MonitoringApiSettings(_env_file=None, data_dir=tmp_path), database=database)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110  (uvicorn sets no event)
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        await database.asked.wait()
        writer.close()
        await database.cancelled.wait()
        server.should_exit = True
        await serving
