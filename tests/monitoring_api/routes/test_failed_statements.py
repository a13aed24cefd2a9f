"""Whichever of an answer's statements fails, nothing of it is kept, and the next who asks is answered anew."""

import asyncio
import itertools
from datetime import timedelta

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.database import DatabaseTooSlow, DatabaseUnavailable
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.redis_server import RedisServer
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
HISTORY = "/api/v1/metrics/history?metric=request_rate&from=now-2h&step=1m&group_by=route&compare=previous"


class Failing:
    """The store, but one of its statements fails.

    Args:
        store: The real one.
        number: Which fails, from 0; afterwards all go well.
        problem: How.
        after: Whether the store was asked, and its answer lost.
    """

    def __init__(self, store, number, problem, *, after):
        self._store = store
        self._problem = problem
        self._after = after
        self._left = number

    async def fetch(self, query, **more):
        """Answer, or fail."""
        self._left -= 1
        if self._left == -1 and not self._after:
            raise self._problem
        rows = await self._store.fetch(query, **more)
        if self._left == -1:
            raise self._problem
        return rows

    async def close(self):
        """The store stays."""


@pytest.fixture(scope="module")
def redis():
    """A Redis, for the module."""
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def more(request, redis):
    """Settings: in memory, or in a Redis that is empty."""
    if request.param == "memory":
        return {}
    async with redis.client() as client:
        await client.flushall()
    return {"cache_url": f"redis://127.0.0.1:{redis.port}", "cache_timeout_seconds": 5}


def client_of(database, folder, more):
    """A client of the application on that database."""
    settings = MonitoringApiSettings(_env_file=None, data_dir=folder, **more)
    app = create_app(settings, database=database, clock=lambda: T0)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def test_no_failed_statement_leaves_anything(store, tmp_path, more):
    """Each statement of the answer in turn, unreachable or too slow, before and after ClickHouse answered it."""
    if more:
        store.rows(
            "CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, checksum String, applied_at DateTime64(3)) "
            "ENGINE = ReplacingMergeTree ORDER BY version"
        )
    store.insert("otel_traces", [span(T0 - timedelta(minutes=3 * n + 1), route=f"/{n % 3}") for n in range(60)])
    async with client_of(store, tmp_path, {"cache_bytes": 0, "answer_seconds": 0}) as plain:
        right = (await plain.get(HISTORY)).json()
    assert [len(right["series"]), len(right["compare"]["series"])] == [3, 3]
    problems = ((DatabaseUnavailable("away"), 503), (DatabaseTooSlow("slow"), 504))
    tried = 0
    for number in itertools.count():
        statuses = []
        for (problem, status), after in itertools.product(problems, (False, True)):
            async with client_of(Failing(store, number, problem, after=after), tmp_path, more) as client:
                first = await client.get(HISTORY)
                statuses.append(first.status_code)
                # What belongs to a cache may fail without anybody's noticing.
                assert first.status_code in {200, status}
                for _ in range(2):
                    assert (await client.get(HISTORY)).json() == right
        tried += 1
        if set(statuses) == {200} and number > 9:
            break
    assert tried > 4


async def test_all_who_wait_for_a_failed_answer_hear_of_it_and_none_later(store, tmp_path, more):
    """Ten at once: one failure for all; the eleventh gets the answer."""
    async with client_of(Failing(store, 0, DatabaseUnavailable("away"), after=False), tmp_path, more) as client:
        found = await asyncio.gather(*(client.get(HISTORY) for _ in range(10)))
        assert {each.status_code for each in found} == {503}
        assert (await client.get(HISTORY)).status_code == 200
