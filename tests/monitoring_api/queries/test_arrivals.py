"""How long labels take, learned from rows."""

import random
from datetime import timedelta

import pytest

from services.monitoring_api.queries.arrivals import SharedCurves, learn
from services.monitoring_api.queries.timerange import epoch_ns
from tests.monitoring_api.store import T0, label, prediction, text

pytestmark = pytest.mark.anyio
HOUR = 3600


def _history(*, replayed=False, told=True):
    """200 predictions, one every half an hour up to T0; of 9 in 10 the label comes after two hours."""
    rows = []
    flag = {"ml.replayed": "true"} if replayed else {}
    for n in range(200):
        made = T0 - timedelta(minutes=30 * (n + 1))
        stored = {"ArrivedAt": text(T0)} if replayed else {}
        rows.append(prediction(made, prediction_id=f"p{n}", attributes=flag, **stored))
        due = made + timedelta(hours=2)
        if n % 10 and due <= T0:
            rows.append(
                label(due, f"p{n}", "late", **({"ArrivedAt": text(T0)} if replayed else {"ArrivedAt": text(due)}))
            )
            if replayed:
                rows[-1]["LogAttributes"] |= flag
                rows[-1]["LogAttributes"] |= {"ml.label.arrived_at": due.isoformat()} if told else {}
    return rows


async def _learned(store, *, now=T0, **more):
    return (await learn(store, "flight-delay", epoch_ns(now), **more)).curve


async def test_an_empty_store_teaches_nothing(store):
    """There is no curve."""
    assert await _learned(store) is None


@pytest.mark.parametrize("more", [{}, {"replayed": True}, {"replayed": True, "told": False}])
async def test_labels_take_as_long_as_they_take(store, more):
    """None before two hours, nine in ten after them; also where all was delivered at once, later, with past times."""
    rows = _history(**more)
    random.Random(1).shuffle(rows)
    store.insert("otel_logs", rows)
    store.insert("otel_logs", rows[::3])
    curve = await _learned(store)
    assert curve.at(1.5 * HOUR) == 0
    assert curve.at(3 * HOUR) == pytest.approx(0.9, abs=0.02)
    assert curve.final == pytest.approx(0.9, abs=0.02)
    assert curve.is_settled
    assert (curve.predictions, curve.labels) == (200, 200 - 20 - 2)


async def test_a_correction_does_not_make_a_label_late(store):
    """The first version counts: that is when something was known."""
    store.insert("otel_logs", _history())
    before = await _learned(store)
    store.insert("otel_logs", [label(T0 - timedelta(minutes=1), f"p{n}", "on_time") for n in range(10, 200) if n % 10])
    assert await _learned(store) == before


async def test_a_past_answer_stays(store):
    """As of a time, what arrived later does not count: neither predictions nor labels."""
    store.insert("otel_logs", _history())
    then = T0 - timedelta(hours=30)
    before = await _learned(store, now=then, as_of_ns=epoch_ns(then))
    later = [
        prediction(then - timedelta(hours=5), prediction_id="new", ArrivedAt=text(T0)),
        *(label(then - timedelta(hours=1), f"p{n}", "late", ArrivedAt=text(T0)) for n in range(70, 200, 10)),
    ]
    store.insert("otel_logs", later)
    assert await _learned(store, now=then, as_of_ns=epoch_ns(then)) == before


async def test_what_was_learned_is_remembered_for_a_moment(store):
    """Who asks within it asks nothing of ClickHouse; afterwards, and as of a time, it is learned anew."""
    now = 0.0
    curves = SharedCurves(60, clock=lambda: now)
    store.insert("otel_logs", _history())
    first = await curves(store, "flight-delay", epoch_ns(T0))
    assert first.curve is not None
    store.asked.clear()
    assert await curves(store, "flight-delay", epoch_ns(T0)) is first
    assert store.asked == []
    await curves(store, "flight-delay", epoch_ns(T0), as_of_ns=epoch_ns(T0))
    assert store.asked
    store.asked.clear()
    now = 61.0
    assert await curves(store, "flight-delay", epoch_ns(T0)) == first
    assert store.asked


async def test_a_label_before_its_prediction_took_no_time(store):
    """It counts as there from the beginning."""
    made = [prediction(T0 - timedelta(hours=n + 2), prediction_id=f"p{n}") for n in range(100)]
    said = [label(T0 - timedelta(days=9), f"p{n}", "late") for n in range(100)]
    store.insert("otel_logs", [*said, *made])
    curve = await _learned(store)
    assert curve.at(2) == 1
