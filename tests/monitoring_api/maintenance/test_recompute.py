"""Working off dirty minutes."""

from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.recompute import Pass, recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, REQUESTS_1M
from tests.monitoring_api.store import T0, prediction, span

pytestmark = pytest.mark.anyio
LATER = T0 + timedelta(hours=1)


async def work(store, what=REQUESTS_1M, *, now=LATER, most=10_000, kept_days=30):
    """One pass."""
    return await recompute(
        store, what, now=now, settle=timedelta(seconds=10), kept=timedelta(days=kept_days), most_marks=most
    )


def requests(store):
    """What the rollup says: minutes and their requests."""
    return store.rows(
        "SELECT toUnixTimestamp(Minute), sum(Requests) FROM rollup_requests_1m FINAL GROUP BY Minute ORDER BY Minute"
    )


async def test_nothing_dirty_is_nothing_to_do(store):
    """An empty pass asks once and writes nothing."""
    assert await work(store) == Pass(0, 0, 0)
    assert len(store.asked) == 1


async def test_an_open_minute_waits_until_it_is_closed(store):
    """A minute is computed when it has been over for the settling time, not before."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=30))])
    assert (await work(store, now=T0 + timedelta(seconds=69))).buckets == 0
    assert (await work(store, now=T0 + timedelta(seconds=71))).buckets == 1
    assert [int(count) for _, count in requests(store)] == [1]


@pytest.mark.parametrize("at", [0.0, 0.000001, 59.0, 59.5, 59.999999])
async def test_a_row_at_a_minutes_edge_is_counted_though_it_lies_alone(store, at):
    """The first and the last moment of a minute are in it, also where a part of the table holds nothing else."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=at))])
    store.insert("otel_logs", [prediction(T0 + timedelta(seconds=at))])
    await work(store)
    await work(store, PREDICTIONS_1M)
    assert [int(count) for _, count in requests(store)] == [1]
    assert [int(count) for (count,) in store.rows("SELECT sum(Predictions) FROM rollup_predictions_1m FINAL")] == [1]


async def test_a_mark_set_in_the_meantime_survives(store):
    """Rows that come between reading the marks and deleting them leave a mark, and the next pass finds them."""
    store.insert("otel_traces", [span(T0)])
    execute = store.execute

    async def with_a_late_row(query, **more):
        await execute(query, **more)
        if "INSERT INTO rollup_requests_1m" in query.sql and len(requests(store)) == 1:
            store.insert("otel_traces", [span(T0)])

    store.execute = with_a_late_row
    try:
        await work(store)
    finally:
        del store.execute
    assert [int(count) for _, count in requests(store)] == [1]
    assert (await work(store)).buckets == 1
    assert [int(count) for _, count in requests(store)] == [2]


async def test_a_crash_before_the_marks_are_deleted_costs_only_work(store):
    """A pass that ends after writing the rollup leaves the marks; the next one writes the same again."""
    store.insert("otel_traces", [span(T0)])
    execute = store.execute

    async def dies(query, **more):
        if "DELETE" in query.sql:
            raise ConnectionError
        await execute(query, **more)

    store.execute = dies
    with pytest.raises(ConnectionError):
        await work(store)
    del store.execute
    assert (await work(store)).buckets == 1
    assert [int(count) for _, count in requests(store)] == [1]


async def test_few_marks_at_once_work_off_all_in_the_end(store):
    """The youngest minutes come first; a minute whose marks are split is computed twice, and right."""
    for second in range(0, 180, 20):
        store.insert("otel_traces", [span(T0 + timedelta(seconds=second))])
    first = await work(store, most=4)
    assert first.marks == 4
    assert int(requests(store)[-1][0]) == int(T0.timestamp()) + 120
    while (await work(store, most=4)).marks:
        pass
    assert [int(count) for _, count in requests(store)] == [3, 3, 3]
    (left,) = store.rows(
        "SELECT countIf(Kind = 'requests'), uniqExactIf(Minute, Kind = 'requests_15m') FROM rollup_dirty"
    )
    assert list(map(int, left)) == [0, 1]


async def test_a_minute_past_retention_is_never_recomputed(store):
    """A late row for a minute whose raw rows may be gone leaves the rollup as it is, and is reported."""
    store.insert("otel_traces", [span(T0), span(T0)])
    await work(store)
    store.insert("otel_traces", [span(T0)])
    much_later = T0 + timedelta(days=2)
    assert await work(store, now=much_later, kept_days=2) == Pass(0, 1, 1)
    assert [int(count) for _, count in requests(store)] == [2]
    assert (await work(store, now=much_later, kept_days=2)).marks == 0


async def test_groups_that_are_gone_leave_the_rollup(store):
    """A group that a minute had when it was computed, and has no longer, is not counted any more."""
    store.insert("otel_traces", [span(T0), span(T0, route="/gone")])
    await work(store)
    store._connection.query(
        "ALTER TABLE otel.otel_traces DELETE WHERE SpanAttributes['http.route'] = '/gone' SETTINGS mutations_sync = 2"
    )
    store.insert("otel_traces", [span(T0)])
    await work(store)
    found = store.rows("SELECT HttpRoute, Requests FROM rollup_requests_1m FINAL ORDER BY HttpRoute")
    assert [(route, int(count)) for route, count in found] == [("/v1/predict", 2)]


async def test_predictions_are_summed_up_by_identity(store):
    """Counts, positives and scores of a minute, each prediction once."""
    events = [prediction(T0, score=number / 10) for number in range(10)]
    store.insert("otel_logs", events)
    store.insert("otel_logs", events)
    assert (await work(store, PREDICTIONS_1M)).buckets == 1
    (row,) = store.rows(
        "SELECT Predictions, Positives, Judged, Scored, ScoreSum, ScoreP50 FROM rollup_predictions_1m FINAL"
    )
    assert [float(figure) for figure in row] == pytest.approx([10, 5, 10, 10, 4.5, 0.5])
