"""What pipeline health says of the disk."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.pipeline.disk import disk_failures, disk_warnings
from services.monitoring_api.queries.pipeline.health import pipeline_health
from sightglass.attributes import HEARTBEAT_METRIC
from tests.monitoring_api.store import T0, label, point, prediction, span

pytestmark = pytest.mark.anyio
GIB = 1 << 30
DISK = {
    "free_bytes": 50 * GIB,
    "total_bytes": 100 * GIB,
    "least_free_bytes": 5 * GIB,
    "droppable_bytes": GIB,
    "refusing": [],
    "dropped": [],
    "traces_lost_at": None,
}


async def health(store):
    """The pipeline's health with one process that is heard."""
    store.insert("otel_metrics_gauge", [point(T0 - timedelta(seconds=4), HEARTBEAT_METRIC, 1)])
    return await pipeline_health(store, window=timedelta(minutes=15), now=T0)


async def test_each_table_says_what_it_takes_and_since_when(store):
    """Bytes, rows, bytes of a row and the oldest day of each table, also where partitions are not days."""
    store.insert("otel_traces", [span(T0 - timedelta(days=2)), span(T0)])
    moment = 0x019CA1E55000  # 2026-02-28 in milliseconds, as a UUID of version 7 begins
    uuid = f"{moment >> 16:08x}-{moment & 0xFFFF:04x}-7000-8000-000000000001"
    store.insert("otel_logs", [prediction(T0, prediction_id=uuid), label(T0, uuid, "late")])
    tables = {each["table"]: each for each in (await health(store))["disk"]["tables"]}
    spans = tables["otel_traces"]
    assert (spans["rows"], spans["oldest_day"]) == (2, "2026-02-28")
    assert spans["bytes_per_row"] == pytest.approx(spans["bytes"] / 2, abs=0.1)
    assert tables["predictions_data"]["oldest_day"] == tables["labels_data"]["oldest_day"] == "2026-02-01"


async def test_a_day_that_was_dropped_is_told_for_a_day(store):
    """Which days, of what, and when; older ones are not told any more."""
    rows = [
        {"Table": "otel_traces", "Day": "2026-02-01", "Rows": 5, "Bytes": 9, "FreeBytes": 1, "DroppedAt": at}
        for at in ("2026-03-02 09:00:00.5", "2026-02-28 09:00:00")
    ]
    store.insert("raw_drops", rows)
    found = await health(store)
    assert found["disk"]["dropped"] == [
        {"table": "otel_traces", "day": "2026-02-01", "rows": 5, "bytes": 9, "at": "2026-03-02T09:00:00.500Z"}
    ]
    (reason,) = found["reasons"]
    assert (found["status"], reason) == (
        "degraded",
        "the disk was filling, so raw rows were dropped, last at 2026-03-02T09:00:00.500Z: otel_traces of 2026-02-01",
    )


async def test_traces_that_could_not_be_copied_are_told_for_a_day(store):
    """That a dropped day took traces along which were to outlive it is said, and when; not for ever."""
    for hours, told in ((25, None), (1, "2026-03-02T09:00:00Z")):
        at = int((T0 - timedelta(hours=hours)).timestamp())
        store.insert("maintenance_state", [{"Name": "traces_lost_at", "Value": at}])
        found = await health(store)
        assert found["disk"]["traces_lost_at"] == told
    assert found["status"] == "degraded"
    assert found["reasons"] == [
        f"traces that were to outlive a dropped day could not be copied, last at {told}: they are gone"
    ]


async def test_tables_that_refuse_rows_make_it_red(store):
    """A table that takes no insert at the free space of now is named, and it says what happens meanwhile."""
    store._connection.query("ALTER TABLE otel.otel_logs MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1e18")
    try:
        found = await health(store)
    finally:
        store._connection.query("ALTER TABLE otel.otel_logs RESET SETTING min_free_disk_bytes_to_perform_insert")
    assert (found["status"], found["disk"]["refusing"]) == ("down", ["otel_logs"])
    (reason,) = found["reasons"]
    assert reason == (
        "ClickHouse refuses rows, for its disk has too little free space (otel_logs): reading goes on, and the "
        "Collector keeps in its queue what it can't store"
    )
    assert (await health(store))["status"] == "ok"


def test_nothing_left_to_drop_is_red_and_says_what_to_do():
    """Too little is free: while there are days to drop it is a warning, afterwards a failure."""
    low = DISK | {"free_bytes": 4 * GIB}
    assert disk_failures(low) == []
    assert disk_warnings(low) == [
        "the disk is 96% full",
        "4.0 GiB of the disk are free, 5.0 GiB are to stay so: the oldest days of raw rows go",
    ]
    (reason,) = disk_failures(low | {"droppable_bytes": 0})
    assert reason == (
        "4.0 GiB of the disk are free, 5.0 GiB are to stay so, and no day of raw rows is left to drop: free some "
        "space, or move ClickHouse to a larger disk"
    )


def test_a_full_disk_is_red_whoever_filled_it():
    """Also where nobody said how much is to stay free."""
    full = DISK | {"free_bytes": 0, "least_free_bytes": None, "droppable_bytes": 0}
    (reason,) = disk_failures(full)
    assert reason.startswith("the disk is full, free some space: reading goes on")
    assert disk_failures(DISK) == disk_warnings(DISK) == []
    assert disk_failures(DISK | {"free_bytes": None, "total_bytes": None}) == []


def test_many_dropped_days_are_counted():
    """The sentence names the last few."""
    dropped = [{"table": "otel_logs", "day": f"2026-01-{day:02}", "at": "2026-03-02T09:00:00Z"} for day in range(1, 11)]
    (warning,) = disk_warnings(DISK | {"dropped": dropped})
    assert warning.endswith("otel_logs of 2026-01-06, 4 more")
