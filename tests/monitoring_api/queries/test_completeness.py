"""Counted against stored."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.pipeline.coverage import coverage_query, coverage_rows
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from sightglass.attributes import EXPORT_TIME_METRIC, LABEL_COUNT_METRIC, PREDICTION_COUNT_METRIC, SPAN_COUNT_METRIC
from tests.monitoring_api.store import T0, label, point, prediction, span

pytestmark = pytest.mark.anyio
WINDOW = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(minutes=1)))


def exports(store, metric, counts, *, instance="i1", exact=0.5, every=5, **attributes):
    """One export each few seconds from T0 - 5 s on, half a second after the full one."""
    for number, count in enumerate(counts):
        at = T0 + timedelta(seconds=every * (number - 1))
        store.insert("otel_metrics_sum", [point(at, metric, count, instance=instance, **attributes)])
        store.insert("otel_metrics_gauge", [point(at, EXPORT_TIME_METRIC, at.timestamp() + exact, instance=instance)])


async def covered(store):
    """Counted and stored by service and signal."""
    rows = coverage_rows(await store.fetch(coverage_query(WINDOW)))
    return {(row.service, row.signal): (row.counted, row.stored) for row in rows}


async def test_an_empty_store_has_nothing_to_compare(store):
    """No exports, no rows."""
    assert await covered(store) == {}


async def test_rows_belong_to_the_export_that_counted_them(store):
    """Between exports at -4.5 and 5.5 s twelve spans ended, at the edges of these moments too, and all are stored."""
    exports(store, SPAN_COUNT_METRIC, [50, 56, 62])
    ends = [-4.4, -3, -2, -1, 0, 0.49, 0.51, 1, 2, 3, 4, 5.49]
    outside = [-4.6, 5.6]
    store.insert("otel_traces", [span(T0 + timedelta(seconds=end - 0.1), seconds=0.1) for end in (*ends, *outside)])
    assert await covered(store) == {("ml-api", "spans"): (12, 12)}


async def test_duplicates_do_not_hide_a_loss(store):
    """One of ten spans is lost and another delivered twice: nine."""
    exports(store, SPAN_COUNT_METRIC, [0, 10])
    spans = [span(T0 - timedelta(seconds=number / 10)) for number in range(9)]
    store.insert("otel_traces", [*spans, spans[0]])
    store.insert("otel_traces", [spans[1]])
    assert await covered(store) == {("ml-api", "spans"): (10, 9)}


async def test_instances_are_kept_apart(store):
    """Two workers of one service each count their own, and their sum is compared."""
    exports(store, SPAN_COUNT_METRIC, [0, 3], instance="i1")
    exports(store, SPAN_COUNT_METRIC, [1000, 1001], instance="i2")
    at = T0 - timedelta(seconds=1)
    other = {"service.instance.id": "i2"}
    store.insert("otel_traces", [span(at), span(at), span(at), span(at, resource=other)])
    assert await covered(store) == {("ml-api", "spans"): (4, 4)}


async def test_a_first_export_counts_from_the_start_of_its_process(store):
    """A process that started within the range had counted nothing before."""
    at = T0 + timedelta(seconds=10)
    started = {"StartTimeUnix": int(T0.timestamp())}
    store.insert("otel_metrics_sum", [point(at, SPAN_COUNT_METRIC, 2) | started])
    store.insert("otel_traces", [span(T0 + timedelta(seconds=1)), span(T0 + timedelta(seconds=10.5))])
    assert await covered(store) == {("ml-api", "spans"): (2, 2)}


async def test_an_export_without_a_known_predecessor_is_left_out(store):
    """How much of an old process's count is new can't be told."""
    store.insert("otel_metrics_sum", [point(T0, SPAN_COUNT_METRIC, 500)])
    assert await covered(store) == {}


async def test_predictions_and_labels_are_compared_too(store):
    """By model and version counted apart, compared together; what is replayed is left out on both sides."""
    exports(store, PREDICTION_COUNT_METRIC, [0, 2], ml__model__version="v1")
    exports(store, PREDICTION_COUNT_METRIC, [5, 6], ml__model__version="v2")
    exports(store, LABEL_COUNT_METRIC, [0, 2])
    exports(store, PREDICTION_COUNT_METRIC, [0, 9000], ml__replayed="true")
    at = T0 - timedelta(seconds=1)
    replayed = {"ml.replayed": "true"}
    store.insert(
        "otel_logs", [prediction(at), prediction(at), prediction(at, attributes=replayed), label(at, "p", "late")]
    )
    assert await covered(store) == {("ml-api", "predictions"): (3, 2), ("ml-api", "labels"): (2, 1)}


async def test_an_export_delivered_twice_is_one(store):
    """Metrics have no identity in the store: two equal points of one moment are one export."""
    exports(store, SPAN_COUNT_METRIC, [0, 1])
    exports(store, SPAN_COUNT_METRIC, [0, 1])
    store.insert("otel_traces", [span(T0 - timedelta(seconds=1))])
    assert await covered(store) == {("ml-api", "spans"): (1, 1)}
