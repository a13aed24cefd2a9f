"""ClickHouse dies in mid-answer or does not answer in time: told at once, nothing of it is kept, no place is lost."""

import asyncio
import json
import logging
import urllib.request
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.database import ClickHouseDatabase, Connection, DatabaseTooSlow, DatabaseUnavailable, Query
from services.monitoring_api.database.slow_statements import SlowStatements
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.settings import MonitoringApiSettings
from services.sql.fingerprint import fingerprint, normalized
from tests.collector.pipeline import Pipeline
from tests.monitoring_api.redis_server import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.anyio, pytest.mark.timeout(180)]
HISTORY = "/api/v1/metrics/history"
# A day that is over: every bucket of it is finished, and would be kept.
ASKED = {"metric": "request_rate", "from": "1700006400", "to": "1700092800", "step": "1m", "group_by": "route"}
# Years of work; the reader may read this table of the engine's own.
ENDLESS = Query("SELECT sum(sipHash64(number, {mark:String})) FROM system.numbers WHERE 7 = 7", {"mark": "hunter2"})
SPANS = """INSERT INTO otel.otel_traces
    (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, SpanAttributes, Duration)
SELECT
    toDateTime64(1700006400 + number * 20, 9),
    leftPad(hex(number), 32, '0'),
    leftPad(hex(number), 16, '0'),
    'POST',
    'Server',
    'ml-api',
    map('http.route', concat('/route/', toString(number % 9)), 'http.response.status_code', '200'),
    1000000
FROM numbers(4320)"""


class Cutting:
    """Stands between the API and ClickHouse; an answer that is long enough is cut in its middle when told to.

    Args:
        target_port: ClickHouse's.
        kill: Ends ClickHouse at once.
    """

    def __init__(self, target_port, kill):
        self.cuts = False
        self.cut = 0
        self._target_port = target_port
        self._kill = kill

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _relay(self, reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer, answers=True), return_exceptions=True)

    async def _pump(self, source, sink, *, answers=False):
        try:
            while data := await source.read(65_536):
                if answers and self.cuts and len(data) > 20_000:
                    self.cut += 1
                    sink.write(data[: len(data) // 2])
                    await sink.drain()
                    self._kill()
                    return
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


@pytest.fixture
def pipeline(tmp_path):
    """ClickHouse with the schema."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start_clickhouse()
        pipeline.migrate(raw_retention_days=3_650, predictions_retention_days=3_650)
        yield pipeline


@pytest.fixture
def redis():
    """A Redis of the test's own."""
    with RedisServer() as server:
        yield server


def settings_of(pipeline, url, **more):
    """The API on this ClickHouse, or on what stands before it; whole answers are kept for a minute."""
    return MonitoringApiSettings(
        _env_file=None, data_dir=pipeline.data_dir, clickhouse_url=url, answer_seconds=60, pool_size=2, **more
    )


def client_of(app):
    """A client of the application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=60)


def asking(pipeline, user="reader", **more):
    """A process's way to ClickHouse, alone."""
    url = f"http://127.0.0.1:{pipeline.ports['clickhouse']}"
    password = pipeline.data_dir / "secrets" / f"clickhouse-{user}.password"
    watchers = [SlowStatements(0.4)]
    return ClickHouseDatabase(Connection(url, "otel", user, password, **more), watchers=watchers)


async def finish_minutes(pipeline):
    """Compute every minute and quarter of the day, so that its buckets may be kept."""
    database = asking(pipeline, "maintainer", deadline_seconds=60.0)
    settle, kept = timedelta(seconds=10), timedelta(days=3_650)
    for what in (REQUESTS_1M, REQUESTS_15M):
        await recompute(database, what, now=datetime.now(UTC), settle=settle, kept=kept, most_marks=100_000)
    await database.close()


@pytest.mark.parametrize("shared", [False, True], ids=["memory", "redis"])
async def test_a_kill_in_mid_answer_is_a_503_and_leaves_nothing_behind(pipeline, redis, shared):
    """Half of the rows had come. Nobody is given them, then or later; once ClickHouse is back the answer is whole."""
    pipeline.query(SPANS, "migrator")
    await finish_minutes(pipeline)
    more = {"cache_url": f"redis://127.0.0.1:{redis.port}", "cache_timeout_seconds": 5} if shared else {}
    direct = f"http://127.0.0.1:{pipeline.ports['clickhouse']}"
    async with Cutting(pipeline.ports["clickhouse"], lambda: pipeline.kill("clickhouse")) as cutting:
        app = create_app(settings_of(pipeline, cutting.url, **more))
        async with client_of(app) as client:
            assert (await client.get(HISTORY, params={**ASKED, "to": "1700006460"})).status_code == 200
            cutting.cuts = True
            refused = await client.get(HISTORY, params=ASKED)
            assert cutting.cut >= 1
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
            assert int(refused.headers["retry-after"]) > 0
            assert "etag" not in refused.headers
            cutting.cuts = False
            assert (await client.get(HISTORY, params=ASKED)).status_code == 503
            await asyncio.to_thread(pipeline.start_clickhouse)
            found = await client.get(HISTORY, params=ASKED)
            again = await client.get(HISTORY, params={**ASKED, "to": "1700092740"})
            async with client_of(create_app(settings_of(pipeline, direct, cache_bytes=0))) as fresh:
                whole = await fresh.get(HISTORY, params=ASKED)
    assert found.status_code == whole.status_code == 200
    assert found.json()["series"] == whole.json()["series"]
    # These come from the buckets that were kept of the whole answer.
    assert [each["points"] for each in again.json()["series"]] == [
        each["points"][:-1] for each in found.json()["series"]
    ]
    series = whole.json()["series"]
    assert len(series) == 9
    assert sum(value > 0 for each in series for _, value in each["points"]) == 4320


async def test_too_slow_a_question_frees_its_place_and_is_logged(pipeline, caplog):
    """With one place: its deadline passes, ClickHouse stops working on it, the next question is answered at once."""
    database = asking(pipeline, pool_size=1)
    try:
        assert await database.fetch(Query("SELECT 1")) == [(1,)]
        with pytest.raises(DatabaseTooSlow):
            await database.fetch(ENDLESS, deadline_seconds=0.5)
        assert (database.places.used, database.places.waiting, database.places.timeouts) == (0, 0, 0)
        assert await database.fetch(Query("SELECT 1"), deadline_seconds=5) == [(1,)]
    finally:
        await database.close()
    (line,) = [record for record in caplog.records if record.name.endswith("slow_statements")]
    assert (line.outcome, line.rows) == ("too_slow", None)
    assert "hunter2" not in str(vars(line))
    # Of the same statement the engine's own log says the same.
    secret = (pipeline.data_dir / "secrets" / "clickhouse-migrator.password").read_text()
    request = urllib.request.Request(
        f"http://127.0.0.1:{pipeline.ports['clickhouse']}/query_log?query_id={line.query_id}",
        headers={"X-ClickHouse-User": "migrator", "X-ClickHouse-Key": secret},
    )
    logged: list[dict] = []
    async with asyncio.timeout(20):
        while not logged:
            answer = await asyncio.to_thread(lambda: urllib.request.urlopen(request).read())
            logged = json.loads(answer)["queries"]
    assert [each["fingerprint"] for each in logged] == [line.fingerprint]
    assert line.fingerprint == fingerprint(normalized(ENDLESS.sql))


async def test_who_finds_no_place_in_time_is_told_so(pipeline):
    """The wait counts as one for a connection, not as ClickHouse's fault; cancelled statements are logged too."""
    database = asking(pipeline, pool_size=1)
    try:
        running = asyncio.create_task(database.fetch(ENDLESS, deadline_seconds=60))
        async with asyncio.timeout(20):
            while database.places.used == 0:  # noqa: ASYNC110  (counters set no event)
                await asyncio.sleep(0.01)
        with pytest.raises(DatabaseUnavailable, match="taken by other questions"):
            await database.fetch(Query("SELECT 1"), deadline_seconds=0.2)
        assert (database.places.used, database.places.waiting, database.places.timeouts) == (1, 0, 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await database.fetch(Query("SELECT 1"), deadline_seconds=5) == [(1,)]
    finally:
        await database.close()


async def test_statements_say_what_they_read(pipeline, caplog):
    """Rows, and what ClickHouse read for them, of every slow statement, under the id of its run."""
    caplog.set_level(logging.INFO)
    database = asking(pipeline)
    try:
        slow = Query("SELECT number FROM numbers(3) WHERE sleepEachRow({seconds:Float64}) = 0", {"seconds": 0.2})
        assert len(await database.fetch(slow)) == 3
    finally:
        await database.close()
    (line,) = [record for record in caplog.records if record.name.endswith("slow_statements")]
    assert (line.outcome, line.rows, line.read_rows) == ("ok", 3, 3)
    assert line.read_bytes > 0
    assert line.duration_seconds >= 0.6
