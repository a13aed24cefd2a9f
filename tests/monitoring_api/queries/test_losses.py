"""What was lost or sent again, and which process says so."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.pipeline.drops import DropRow, drop_reasons, drop_rows
from services.monitoring_api.queries.pipeline.growth import growth_rows
from services.monitoring_api.queries.pipeline.health import pipeline_health
from services.monitoring_api.queries.pipeline.losses import losses_query
from services.monitoring_api.queries.pipeline.retries import failed_metric_exports_document, retries_document
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from sightglass.attributes import (
    EXPORT_RETRIES_METRIC,
    FAILED_EXPORT_METRIC,
    HEARTBEAT_METRIC,
    SDK_LOGS_PROCESSED_METRIC,
    SDK_SPANS_PROCESSED_METRIC,
    SPAN_COUNT_METRIC,
)
from tests.monitoring_api.store import T0, point, text

pytestmark = pytest.mark.anyio
WINDOW = TimeRange(epoch_ns(T0 - timedelta(minutes=15)), epoch_ns(T0))
QUEUE_FULL = {"error__type": "queue_full"}
LONG_AGO = {"StartTimeUnix": text(T0 - timedelta(days=9))[:19]}


def before(minutes=0, seconds=0):
    """A time before T0."""
    return T0 - timedelta(minutes=minutes, seconds=seconds)


def failed(minutes, count, **more):
    """What a process says of spans that it gave up exporting."""
    return point(before(minutes), FAILED_EXPORT_METRIC, count, **({"signal": "spans"} | more))


async def losses(store, *rows):
    """What the counters say of the window; every row arrives twice."""
    for _ in range(2):
        store.insert("otel_metrics_sum", rows)
    return growth_rows(await store.fetch(losses_query(WINDOW)))


async def test_an_empty_store_tells_of_no_loss(store):
    """No rows, no losses."""
    assert await store.fetch(losses_query(WINDOW)) == []


async def test_what_was_lost_in_an_outage_is_counted_after_it(store):
    """A counter's growth is its last value less the last one before the range, however long ago that was."""
    found = await losses(
        store,
        point(before(minutes=180), SDK_SPANS_PROCESSED_METRIC, 10, **QUEUE_FULL),
        point(before(minutes=1), SDK_SPANS_PROCESSED_METRIC, 510, **QUEUE_FULL),
        point(before(minutes=1), SDK_SPANS_PROCESSED_METRIC, 99_999),
        point(before(minutes=20), SDK_LOGS_PROCESSED_METRIC, 7, **QUEUE_FULL),
        point(before(minutes=1), SDK_LOGS_PROCESSED_METRIC, 7, **QUEUE_FULL),
        failed(20, 0, error__type="503"),
        failed(2, 3, error__type="503"),
        point(before(minutes=14), "otelcol_exporter_send_failed_log_records", 1, service="otelcol", instance="c1"),
        point(before(minutes=2), "otelcol_exporter_send_failed_log_records", 5, service="otelcol", instance="c1"),
        point(before(minutes=2), "otelcol_exporter_enqueue_failed_spans_total", 2, service="otelcol", instance="c2")
        | {"StartTimeUnix": int(before(minutes=3).timestamp())},
    )
    assert set(drop_rows(found)) == {
        DropRow("ml-api", "i1", "spans", "sdk", "queue_full", "", 500),
        DropRow("ml-api", "i1", "spans", "sdk", "export_failed", "503", 3),
        DropRow("otelcol", "c1", "logs", "collector", "refused", "", 5),
        DropRow("otelcol", "c2", "spans", "collector", "queue_full", "", 2),
    }


async def test_each_process_and_each_cause_is_told_apart(store):
    """Two workers of a service, and two causes of one of them."""
    found = await losses(
        store,
        failed(2, 3, error__type="429"),
        failed(2, 4, error__type="ReadTimeout"),
        failed(1, 6, error__type="ReadTimeout"),
        failed(1, 5, error__type="429", instance="i2"),
        failed(1, 7, error__type="partial_success", instance="i2", signal="logs"),
    )
    assert set(drop_rows(found)) == {
        DropRow("ml-api", "i1", "spans", "sdk", "export_failed", "429", 3),
        DropRow("ml-api", "i1", "spans", "sdk", "export_failed", "ReadTimeout", 6),
        DropRow("ml-api", "i2", "spans", "sdk", "export_failed", "429", 5),
        DropRow("ml-api", "i2", "logs", "sdk", "export_failed", "partial_success", 7),
    }


async def test_a_failure_without_its_cause_is_read_too(store):
    """What an older version of the library stored has no error.type."""
    assert drop_rows(await losses(store, failed(2, 3))) == [
        DropRow("ml-api", "i1", "spans", "sdk", "export_failed", "", 3)
    ]


async def test_the_first_loss_of_a_process_that_is_up_for_days_counts(store):
    """Its counter appears with its first count; that the process was heard before without it means that it was zero."""
    rows = [
        point(before(minutes=30), SPAN_COUNT_METRIC, 1_000) | LONG_AGO,
        failed(2, 40, error__type="503") | LONG_AGO,
        failed(1, 41, error__type="503") | LONG_AGO,
        # Of this one nothing is known from before, so only what it grew by.
        failed(2, 500, instance="unknown") | LONG_AGO,
        failed(1, 501, instance="unknown") | LONG_AGO,
    ]
    assert {(row.instance, row.lost) for row in drop_rows(await losses(store, *rows))} == {("i1", 41), ("unknown", 1)}


async def test_of_two_exports_within_a_second_the_later_one_counts(store):
    """The store cuts times to the second; a counter only grows."""
    assert [row.lost for row in drop_rows(await losses(store, failed(2, 9), failed(2, 4), failed(2, 1)))] == [9]


async def test_health_names_the_process_that_lost_and_degrades(store):
    """The answer has a row for each process and cause, and the reason names where most was lost."""
    store.insert("otel_metrics_gauge", [point(before(seconds=4), HEARTBEAT_METRIC, 1)])
    rows = [failed(2, 3, error__type="503"), failed(2, 8, error__type="503", instance="i2")]
    store.insert("otel_metrics_sum", [*rows, point(before(minutes=2), SDK_LOGS_PROCESSED_METRIC, 5, **QUEUE_FULL)])
    health = await pipeline_health(store, window=timedelta(minutes=15), now=T0)
    common = {"service": "ml-api", "stage": "sdk"}
    gave_up = {**common, "signal": "spans", "reason": "export_failed", "detail": "503"}
    assert health["drops"] == [
        {**common, "instance": "i1", "signal": "logs", "reason": "queue_full", "detail": "", "count": 5},
        {**gave_up, "instance": "i1", "count": 3},
        {**gave_up, "instance": "i2", "count": 8},
    ]
    assert health["status"] == "degraded"
    assert health["reasons"] == [
        "ml-api lost 5 logs (sdk: queue_full) in process i1",
        "ml-api lost 11 spans (sdk: export_failed 503) in 2 processes, most in i2",
    ]
    assert health["retries"] == health["failed_metric_exports"] == []


async def test_what_was_sent_again_is_shown_and_degrades_nothing(store):
    """Retries, and exports of metrics that were given up: the next one says it all again."""
    store.insert("otel_metrics_gauge", [point(before(seconds=4), HEARTBEAT_METRIC, 1)])
    store.insert(
        "otel_metrics_sum",
        [
            point(before(minutes=20), EXPORT_RETRIES_METRIC, 2, signal="spans"),
            point(before(minutes=2), EXPORT_RETRIES_METRIC, 9, signal="spans"),
            point(before(minutes=2), EXPORT_RETRIES_METRIC, 4, signal="metrics", instance="i2"),
            failed(2, 6, signal="metrics", error__type="ReadTimeout"),
        ],
    )
    health = await pipeline_health(store, window=timedelta(minutes=15), now=T0)
    assert (health["status"], health["reasons"], health["drops"]) == ("ok", [], [])
    assert health["retries"] == [
        {"service": "ml-api", "instance": "i1", "signal": "spans", "count": 7},
        {"service": "ml-api", "instance": "i2", "signal": "metrics", "count": 4},
    ]
    assert health["failed_metric_exports"] == [
        {"service": "ml-api", "instance": "i1", "detail": "ReadTimeout", "count": 6}
    ]


async def test_the_statement_has_every_value_as_a_parameter(store):
    """Names of metrics and the times, a day of them before the range."""
    query = losses_query(WINDOW)
    assert query.parameters["baseline_ns"] == WINDOW.start_ns - 86_400 * 10**9
    assert FAILED_EXPORT_METRIC in query.parameters["names"]
    assert not any(name in query.sql for name in [*query.parameters["names"], *query.parameters["with_error"]])
    rows = await losses(store, point(before(1), EXPORT_RETRIES_METRIC, 1, service="it's", signal="a'b"))
    assert [(row.service, row.signal) for row in rows] == [("it's", "a'b")]
    assert (retries_document(rows)[0]["count"], failed_metric_exports_document(rows)) == (1, [])


def test_a_loss_without_a_process_says_no_more_than_is_known():
    """Telemetry of other origin need not name its process."""
    row = DropRow("shop", "", "spans", "sdk", "queue_full", "", 3)
    assert drop_reasons([row]) == ["shop lost 3 spans (sdk: queue_full)"]
