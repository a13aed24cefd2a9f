"""Rows that come once the raw rows of their minute are gone: no answer changes, whether or not maintenance runs."""

from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring_api.maintenance.horizon import note_retention
from tests.monitoring_api.maintenance.test_process import maintenance
from tests.monitoring_api.maintenance.test_tiers import maintain
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import prediction, span

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
ASKED = [
    (metric, step)
    for metric in ("request_rate", "latency_p95", "prediction_rate", "score_mean")
    for step in ("1m", "5m", "15m")
]


def quarter(days):
    """A whole quarter of an hour so many days ago."""
    return (NOW - timedelta(days=days)).replace(minute=15, second=0, microsecond=0)


def seed(store, start, seconds=900):
    """A request and a prediction in each second."""
    at = [start + timedelta(seconds=n) for n in range(seconds)]
    store.insert("otel_traces", [span(each) for each in at])
    store.insert("otel_logs", [prediction(each) for each in at])


async def answers(store, start):
    """Figures of every tier."""
    end = start + timedelta(minutes=15)
    return [values(await ask_history(store, metric, start, end, step=step, now=NOW)) for metric, step in ASKED]


def expire(store):
    """What TTL does."""
    for table in ("otel_traces", "predictions_data"):
        store.rows(f"TRUNCATE TABLE {table}")


async def test_a_late_row_past_retention_changes_nothing_while_maintenance_is_away(store, tmp_path):
    """Retention was noted by a pass long ago; the process never runs again, and its mark stays for good."""
    start = quarter(40)
    seed(store, start)
    await maintain(store, now=start + timedelta(hours=2))
    process = maintenance(
        store, tmp_path, now=start + timedelta(hours=2), raw_retention_days=30, predictions_retention_days=30
    )
    await process.run_pass()
    wanted = await answers(store, start)
    assert wanted[0][()][0] == 1
    expire(store)
    seed(store, start + timedelta(seconds=30), 1)
    assert await answers(store, start) == wanted
    # Nor does it once the process is back, which counts it and leaves the figures.
    await maintenance(store, tmp_path, now=NOW, raw_retention_days=30, predictions_retention_days=30).run_pass()
    assert store.rows("SELECT count() FROM rollup_dirty") == [[0]]
    assert await answers(store, start) == wanted


async def test_a_late_row_within_retention_still_counts_at_once(store):
    """The note leaves minutes alone whose raw rows are whole: a late one is in the next answer."""
    start = quarter(10)
    seed(store, start)
    await maintain(store, now=start + timedelta(hours=2))
    for table in ("otel_traces", "predictions_data"):
        await note_retention(store, table, timedelta(days=30))
    seed(store, start + timedelta(seconds=30, milliseconds=1), 1)
    found = await answers(store, start)
    assert found[0][()][0] == pytest.approx(61 / 60)
    # Of two notes the younger counts.
    for table in ("otel_traces", "predictions_data"):
        await note_retention(store, table, timedelta(days=5))
    assert (await answers(store, start))[0][()][0] == 1
    for table in ("otel_traces", "predictions_data"):
        await note_retention(store, table, timedelta(days=30))
    assert await answers(store, start) == found
