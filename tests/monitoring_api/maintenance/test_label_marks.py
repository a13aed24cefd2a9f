"""However many labels come, and wherever a pass ends early, none is lost, and none is worked off that was not seen."""

from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.judged_traces import Judged, follow_labels
from services.monitoring_api.maintenance.label_marks import take, work_off
from tests.monitoring_api.maintenance.test_outcomes import DAY, END, RULES, START, maintain
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import label, prediction

pytestmark = pytest.mark.anyio


def marked(store):
    """How many marks there are, and how many are taken."""
    return [store.rows(f"SELECT count() FROM {table}")[0][0] for table in ("label_marks", "label_marks_taken")]


async def accuracy(store):
    """Of the first day."""
    return values(await ask_history(store, "accuracy", START, START + DAY, step="1d"))[()]


def predicted(count):
    """Predictions of a day, half of them late."""
    return [prediction(START + n * DAY / count, prediction_id=f"p{n}", score=n % 2) for n in range(count)]


def labelled(count, *, right):
    """A label for each of them."""
    return [label(END, f"p{n}", "late" if (n % 2 == 1) == right else "on_time") for n in range(count)]


async def test_a_pass_that_dies_anywhere_leaves_nothing_undone(store):
    """Killed at each of its statements, the next whole pass ends where one does that was not killed."""
    store.insert("otel_logs", predicted(30))
    await maintain(store)
    store.insert("otel_logs", labelled(30, right=True))
    execute, left = store.execute, 0

    async def dies(query, **more):
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionError
        await execute(query, **more)

    store.execute = dies
    try:
        for allowed in range(5):
            left = allowed
            with pytest.raises(ConnectionError):
                await follow_labels(store, RULES, most=1_000)
            assert await accuracy(store) == [1.0]
        left = 5
        # What was only not forgotten was done.
        assert await follow_labels(store, RULES, most=1_000) == Judged()
    finally:
        del store.execute
    await maintain(store)
    assert marked(store)[0] == 0
    assert store.rows("SELECT count() FROM rollup_dirty") == [[0]]
    assert await accuracy(store) == [1.0]
    store.insert("otel_logs", [label(END + DAY, f"p{n}", "on_time") for n in range(15)])
    await maintain(store)
    assert await accuracy(store) == [23 / 30]


async def test_a_label_that_comes_meanwhile_stays_marked(store):
    """Only what was taken is worked off, though it is of the same prediction; and each of two passes has its own."""
    store.insert("otel_logs", predicted(50) + labelled(50, right=True))
    first = await take(store, most=30)
    store.insert("otel_logs", [label(END + timedelta(hours=1), "p1", "on_time")])
    second = await take(store, most=1_000)
    assert (first.count, second.count, marked(store)) == (30, 51, [51, 81])
    await work_off(store, first)
    assert marked(store) == [21, 51]
    await work_off(store, second)
    assert marked(store) == [0, 0]
    assert await take(store, most=1_000) is None


async def test_any_number_of_labels_takes_as_many_statements(store):
    """Ten or five thousand: as many statements, and none names a label."""
    asked = []
    for count in (10, 5_000):
        store.insert("otel_logs", predicted(count) + labelled(count, right=False))
        store.asked.clear()
        assert (await follow_labels(store, RULES, most=100_000)).marks == count
        asked.append([query.sql for query in store.asked])
        assert max(len(str(query.parameters)) for query in store.asked) < 200
        assert marked(store) == [0, 0]
    assert asked[0] == asked[1]
