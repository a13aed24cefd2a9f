"""Two processes of the API that share a Redis: the second asks ClickHouse only for what the first did not keep."""

from datetime import timedelta

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.settings import MonitoringApiSettings
from tests.monitoring_api.redis_server import RedisServer
from tests.monitoring_api.store import T0, span, text

pytestmark = pytest.mark.anyio
HISTORY = "/api/v1/metrics/history"
ASKED = {"metric": "request_rate", "step": "1m", "group_by": "route", "from": text(T0).replace(" ", "T") + "Z"}
# Quotes, globs, commands of Redis's protocol, a lone per cent, text that turns around.
HOSTILE = ["x'; FLUSHALL", "*\r\n$8\r\nFLUSHALL\r\n", "{a}[b]*?", "%00%", "\\u0000\U0001f600\u202e", "é" * 600]


@pytest.fixture
def server():
    """A Redis of the test's own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
async def processes(store, server, tmp_path):
    """Clients of two processes, on one store with a finished hour."""
    store.rows(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, checksum String, applied_at DateTime64(3)) "
        "ENGINE = ReplacingMergeTree ORDER BY version"
    )
    store.insert("otel_traces", [span(T0 + timedelta(seconds=7 * number)) for number in range(500)])
    now = T0 + timedelta(hours=2)
    for what in (REQUESTS_1M, REQUESTS_15M):
        await recompute(store, what, now=now, settle=timedelta(seconds=10), kept=timedelta(days=30), most_marks=10_000)
    settings = MonitoringApiSettings(
        _env_file=None,
        data_dir=tmp_path,
        cache_url=f"redis://127.0.0.1:{server.port}",
        answer_seconds=0,
        cache_timeout_seconds=2,
    )
    apps = [create_app(settings, database=store, clock=lambda: now) for _ in range(2)]
    clients = [httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") for app in apps]
    async with clients[0], clients[1]:
        yield clients


def read(store):
    """The pieces of the range that were read since the last call, by their bounds in minutes after T0."""
    bounds = [
        tuple(
            (at // (10**9 if name.startswith("raw") else 1) - int(T0.timestamp())) // 60
            for name, at in query.parameters.items()
            if name.endswith(("_from", "_to"))
        )
        for query in store.asked
    ]
    store.asked.clear()
    return [each for each in bounds if each]


async def answered(client, minutes, **more):
    """The series of an answer."""
    end = text(T0 + timedelta(minutes=minutes)).replace(" ", "T") + "Z"
    answer = await client.get(HISTORY, params={**ASKED, "to": end, **more})
    assert answer.status_code == 200
    return answer.json()["series"]


async def test_the_second_process_asks_only_for_the_tail(processes, store):
    """Of the 40 minutes that the first was asked for the second reads none; of 41 it reads the last."""
    first, second = processes
    store.asked.clear()
    whole = await answered(first, 40)
    assert read(store) == [(0, 40)]
    assert await answered(second, 40) == whole
    assert read(store) == []
    longer = await answered(second, 41)
    assert read(store) == [(40, 41)]
    assert longer[0]["points"][:40] == whole[0]["points"]
    assert longer[0]["points"][40][1] > 0


async def test_answers_go_on_while_redis_dies(processes, store, server):
    """Killed between two questions: the same answer, from ClickHouse."""
    first, second = processes
    whole = await answered(first, 40)
    server.kill()
    store.asked.clear()
    for client in (first, second, first):
        assert await answered(client, 40) == whole
    assert read(store) == [(0, 40)] * 3


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_whatever_a_filter_holds_is_only_a_value(processes, server, value):
    """Both processes answer alike, and what others kept there is still there."""
    async with server.client() as redis:
        await redis.set("somebody", "else")
        first, second = processes
        found = [await answered(client, 40, filter=f"route!={value}") for client in (first, second)]
        assert found[0] == found[1] == await answered(first, 40)
        assert await redis.get("somebody") == b"else"
        assert all(len(key) < 200 and key.isascii() for key in await redis.keys("sightglass:*"))
