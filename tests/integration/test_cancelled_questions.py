"""A question that nobody waits for any more ends in ClickHouse too."""

import asyncio
import contextlib

import pytest

from services.monitoring_api.database import ClickHouseDatabase, Connection, Query
from tests.collector.pipeline import Pipeline

pytestmark = [pytest.mark.integration, pytest.mark.anyio, pytest.mark.timeout(120)]
# Years of work; the reader may read this table of the engine's own.
ENDLESS = Query("SELECT sum(sipHash64(number, {mark:String})) FROM system.numbers", {"mark": "endless"})
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sipHash64%'"


@pytest.fixture
def anyio_backend():
    """The event loop of asynchronous tests."""
    return "asyncio"


@pytest.fixture
def pipeline(tmp_path):
    """ClickHouse with the schema."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start_clickhouse()
        pipeline.migrate()
        yield pipeline


async def _until(pipeline, count):
    async with asyncio.timeout(20):
        while await asyncio.to_thread(pipeline.query, RUNNING, "migrator") != count:  # noqa: ASYNC110  (polls a server)
            await asyncio.sleep(0.05)


async def test_a_cancelled_question_ends_in_clickhouse(pipeline):
    """It runs, its task is cancelled, and soon it runs no more; the next question is answered."""
    url = f"http://127.0.0.1:{pipeline.ports['clickhouse']}"
    password = pipeline.data_dir / "secrets" / "clickhouse-reader.password"
    database = ClickHouseDatabase(Connection(url, "otel", "reader", password))
    try:
        asking = asyncio.create_task(database.fetch(ENDLESS, deadline_seconds=60))
        await _until(pipeline, "1")
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await _until(pipeline, "0")
        assert await database.fetch(Query("SELECT 1")) == [(1,)]
    finally:
        await database.close()
