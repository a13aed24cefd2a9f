"""The pipeline's own figures."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.pipeline.health import pipeline_health
from services.monitoring_api.queries.pipeline.processes import process_rows, processes_query
from services.monitoring_api.queries.pipeline.queue import queue_document, queue_query
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from sightglass.attributes import ENDED_METRIC, HEARTBEAT_METRIC
from tests.monitoring_api.store import T0, point, span

pytestmark = pytest.mark.anyio
WINDOW = TimeRange(epoch_ns(T0 - timedelta(minutes=15)), epoch_ns(T0))


def before(minutes=0, seconds=0):
    """A time before T0."""
    return T0 - timedelta(minutes=minutes, seconds=seconds)


async def test_an_empty_store_is_down_and_says_so(store):
    """When no process is heard nothing comes through."""
    health = await pipeline_health(store, window=timedelta(minutes=15), now=T0)
    assert (health["status"], health["reasons"]) == ("down", ["no process's telemetry arrives"])
    assert (health["ingest_lag_seconds"], health["queue"]) == ({"p50": None, "p95": None, "max": None}, None)
    assert health["disk"]["free_bytes"] > 0


async def test_a_healthy_pipeline_is_ok(store):
    """A process that is heard, spans that arrive within a second."""
    store.insert("otel_metrics_gauge", [point(before(seconds=4), HEARTBEAT_METRIC, 1)])
    store.insert("otel_traces", [span(before(seconds=9))])
    health = await pipeline_health(store, window=timedelta(minutes=15), now=T0)
    assert (health["status"], health["reasons"]) == ("ok", [])
    assert health["ingest_lag_seconds"] == pytest.approx({"p50": 1.0, "p95": 1.0, "max": 1.0})
    assert health["processes"] == [
        {"name": "ml-api", "instance": "i1", "state": "up", "last_seen": "2026-03-02T09:59:56Z"}
    ]
    assert {"table": "otel_traces", "rows": 1}.items() <= next(
        table for table in health["disk"]["tables"] if table["table"] == "otel_traces"
    ).items()


async def test_the_fullest_queue_is_shown(store):
    """Each signal has its queue; the last size of the fullest counts."""
    names = ("otelcol_exporter_queue_size", "otelcol_exporter_queue_capacity")
    store.insert(
        "otel_metrics_gauge",
        [
            *(
                point(before(minutes=2), name, value, data_type="traces")
                for name, value in zip(names, (900, 1000), strict=True)
            ),
            *(
                point(before(minutes=1), name, value, data_type="traces")
                for name, value in zip(names, (10, 1000), strict=True)
            ),
            *(
                point(before(minutes=1), name, value, data_type="logs")
                for name, value in zip(names, (70, 1000), strict=True)
            ),
        ],
    )
    assert queue_document(await store.fetch(queue_query(WINDOW))) == {"size": 70, "capacity": 1000}


async def test_a_process_that_ended_in_order_is_not_silent(store):
    """A batch job that said it was done is no longer listed, and nothing is degraded by it."""
    moments = [(HEARTBEAT_METRIC, 100), (ENDED_METRIC, 95)]
    rows = [point(before(seconds=ago), name, 1, service="batch", instance="b1") for name, ago in moments]
    alive = point(before(seconds=4), HEARTBEAT_METRIC, 1)
    store.insert("otel_metrics_gauge", [*rows, alive])
    now = int(T0.timestamp())
    assert [row.name for row in process_rows(await store.fetch(processes_query(now)), now)] == ["ml-api"]
    health = await pipeline_health(store, window=timedelta(minutes=15), now=T0)
    assert (health["status"], health["reasons"]) == ("ok", [])


async def test_a_process_that_was_replaced_is_not_silent(store):
    """Of a service that lives only its live instances are shown; of one that does not, the last."""
    heard = [("api", "old", 600), ("api", "new", 5), ("api", "second", 8), ("worker", "w1", 900), ("worker", "w2", 90)]
    store.insert(
        "otel_metrics_gauge",
        [
            point(before(seconds=ago), HEARTBEAT_METRIC, 1, service=name, instance=instance)
            for name, instance, ago in heard
        ],
    )
    now = int(T0.timestamp())
    found = process_rows(await store.fetch(processes_query(now)), now)
    assert [(row.name, row.instance, row.is_up(now)) for row in found] == [
        ("api", "new", True),
        ("api", "second", True),
        ("worker", "w2", False),
    ]
    health = await pipeline_health(store, window=timedelta(minutes=15), now=T0)
    assert (health["status"], health["reasons"]) == ("degraded", ["worker is silent"])
