"""The maintenance loop."""

import asyncio
import json
import os
from datetime import timedelta

import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer

from services.monitoring_api.database import DatabaseRefused, DatabaseUnavailable
from services.monitoring_api.maintenance.disk_guard import measure_space
from services.monitoring_api.maintenance.instruments import Instruments
from services.monitoring_api.maintenance.process import Maintenance
from services.monitoring_api.maintenance.settings import MaintenanceSettings
from tests.monitoring_api.store import T0, prediction, span

pytestmark = pytest.mark.anyio


class Away:
    """A database that can't be reached."""

    async def fetch(self, *_, **__):
        """No answer."""
        raise DatabaseUnavailable("ClickHouse can't be reached.")

    execute = fetch

    async def close(self):
        """Nothing to close."""


def maintenance(database, folder, now=T0 + timedelta(hours=1), measure=measure_space, **settings):
    """A maintenance process that hurries."""
    chosen = MaintenanceSettings(
        _env_file=None, data_dir=folder, interval_seconds=0.01, heartbeat_seconds=0.01, **settings
    )
    instruments = Instruments(NoOpTracer(), NoOpMeter("x"))
    return Maintenance(chosen, database=database, clock=lambda: now, instruments=instruments, measure=measure)


async def _until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (a file is waited for, which sets no event)
            await asyncio.sleep(0.01)


async def test_it_beats_while_clickhouse_is_away_and_ends_when_told(tmp_path):
    """The sign of life goes on without ClickHouse, so that the supervisor does not restart what only waits."""
    stop = asyncio.Event()
    file = tmp_path / "run" / "maintenance.heartbeat"
    running = asyncio.create_task(maintenance(Away(), tmp_path).run(stop))
    await _until(file.exists)
    assert json.loads(file.read_text()) == {"at": (T0 + timedelta(hours=1)).timestamp(), "pid": os.getpid()}
    stop.set()
    async with asyncio.timeout(5):
        await running


async def test_an_outage_is_told_once(tmp_path, caplog):
    """Passes that fail for the same reason make one line in the log, not one each."""
    process = maintenance(Away(), tmp_path)
    for _ in range(3):
        await process.run_pass()
    assert [record.message for record in caplog.records] == ["rollups (requests) wait: ClickHouse can't be reached."]


async def test_a_pass_works_off_both_rollups_however_much_there_is(store, tmp_path):
    """A backlog longer than one statement takes is worked off in one pass."""
    for minute in range(5):
        at = T0 + timedelta(minutes=minute)
        store.insert("otel_traces", [span(at)])
        store.insert("otel_logs", [prediction(at)])
    await maintenance(store, tmp_path, marks_at_once=2, raw_retention_days=400).run_pass()
    # The day is not over.
    assert int(store.rows("SELECT count() FROM rollup_dirty WHERE Kind != 'outcomes_1d'")[0][0]) == 0
    assert int(store.rows("SELECT sum(Requests) FROM rollup_requests_1m FINAL")[0][0]) == 5
    assert int(store.rows("SELECT sum(Predictions) FROM rollup_predictions_1m FINAL")[0][0]) == 5


async def test_a_rollup_that_fails_is_told_and_the_others_go_on(store, tmp_path, caplog):
    """Minutes of predictions that can't be computed keep no request, and no quarter of an hour, from its figures."""
    store.insert("otel_traces", [span(T0)])
    store.insert("otel_logs", [prediction(T0)])
    execute, failing = store.execute, [True]

    async def fails(query, **more):
        if failing and "INSERT INTO rollup_predictions_1m" in query.sql:
            raise DatabaseRefused("ClickHouse refused the statement (code 36).")
        await execute(query, **more)

    def computed():
        asked = "SELECT count() FROM rollup_{} FINAL"
        names = ("requests_1m", "requests_15m", "predictions_1m", "predictions_15m")
        return [int(store.rows(asked.format(name))[0][0]) for name in names]

    process = maintenance(store, tmp_path, raw_retention_days=400)
    store.execute = fails
    try:
        with caplog.at_level("INFO"):
            await process.run_pass()
            await process.run_pass()
            assert computed() == [1, 1, 0, 0]
            failing.clear()
            await process.run_pass()
    finally:
        del store.execute
    assert computed() == [1, 1, 1, 1]
    assert [record.message for record in caplog.records if "rollups" in record.message] == [
        "rollups (predictions) wait: ClickHouse refused the statement (code 36).",
        "rollups (predictions) go on",
    ]


def test_settings_name_the_maintainer(tmp_path):
    """By default it logs in as the maintainer with the password in the data folder."""
    connection = MaintenanceSettings(_env_file=None, data_dir=tmp_path).connection("test")
    assert (connection.user, connection.password_file) == (
        "maintainer",
        tmp_path / "secrets" / "clickhouse-maintainer.password",
    )
