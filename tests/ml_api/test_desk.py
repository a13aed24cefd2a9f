"""Prediction requests before a deadline: slow models, slow weather, and what is recorded of them."""

import asyncio
import time

import pytest

from services.ml_api.deadline import Deadline
from services.ml_api.desk import Desk
from services.ml_api.limits import LARGE_ITEMS, Limits
from services.ml_api.observed import ModelFailed
from services.ml_api.schemas import PredictRequest
from services.ml_api.weather_lookup import DelayedLookup, TableLookup
from services.web.problems import TooManyRequests, TooSlow

from .conftest import FLIGHT
from .doubles import FakePredictor

REQUEST = PredictRequest.model_validate({"features": FLIGHT})
LARGE = [REQUEST] * LARGE_ITEMS
SOON, LATER = 0.05, 30.0


class FailingLookup:
    """A feature store that is down."""

    instant = False

    async def look_up(self, _table, _hours):
        """Fail."""
        raise ConnectionRefusedError("no feature store")


def desk_of(telemetry, lookup=None, **limits):
    """A desk over the real clock."""
    return Desk(telemetry.tracer, lookup or TableLookup(), Limits(**limits))


async def work_off(desk, predictor, requests=(REQUEST,), seconds=LATER):
    """Work off requests within `seconds` from now."""
    return await desk.work_off(predictor, list(requests), Deadline.after(seconds, now=time.monotonic()))


def wait_until(holds):
    """Look until it holds."""
    end = time.monotonic() + LATER
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def predictions(telemetry):
    """The prediction events so far."""
    return [each.log_record for each in telemetry.records if each.log_record.event_name == "ml.prediction"]


@pytest.fixture
def predictor():
    """A model that can be held up; nothing of it hangs after the test."""
    predictor = FakePredictor()
    yield predictor
    predictor.hold.set()


@pytest.fixture
def slow(predictor):
    """The same, known to be slow, held up."""
    predictor.pace.note(1.0)
    predictor.hold.clear()
    return predictor


def test_a_quick_model_is_answered_with(telemetry, predictor):
    """One call of the model on the event loop, one event, and no time in a queue."""
    judged = asyncio.run(work_off(desk_of(telemetry), predictor))
    (event,) = predictions(telemetry)
    assert event.attributes["ml.prediction.id"] == judged.answers[0].prediction_id
    (point,) = telemetry.metrics["ml.model.queue.duration"].data.data_points
    assert (point.count, point.sum) == (1, 0.0)


@pytest.mark.parametrize("requests", [[REQUEST], LARGE], ids=["one", "batch"])
def test_a_model_that_hangs_costs_its_requests_a_504_and_nobody_else_anything(telemetry, slow, requests):
    """The deadline answers while the model still hangs; what it says later is recorded nowhere."""

    async def run():
        desk = desk_of(telemetry)
        with pytest.raises(TooSlow) as late:
            await work_off(desk, slow, requests, SOON)
        assert int(late.value.headers["Retry-After"]) > 0
        assert slow.entered.is_set()
        assert slow.calls == []
        await work_off(desk, FakePredictor("v2"))
        slow.hold.set()
        # The late call gives its turn back.
        await work_off(desk, slow, requests)
        await asyncio.to_thread(wait_until, lambda: len(slow.calls) == 2)

    asyncio.run(run())
    assert slow.calls == [len(requests)] * 2
    assert len(predictions(telemetry)) == 1 + len(requests)


def test_a_hanging_call_keeps_its_turn(telemetry, slow):
    """With every turn hanging the next request waits in vain until its deadline, and more than the room are refused."""

    async def run():
        desk = desk_of(telemetry, concurrent_calls=1, waiting_requests=1)
        with pytest.raises(TooSlow):
            await work_off(desk, slow, seconds=SOON)
        with pytest.raises(TooSlow, match="turn"):
            await work_off(desk, slow, seconds=SOON)
        waiting = [asyncio.create_task(work_off(desk, slow)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await work_off(desk, slow)
        slow.hold.set()
        await asyncio.gather(*waiting)

    asyncio.run(run())
    assert len(predictions(telemetry)) == 2


def test_time_in_the_queue_is_measured(telemetry, slow):
    """A call that waited for its turn says how long."""

    async def run():
        desk = desk_of(telemetry, concurrent_calls=1)
        first = asyncio.create_task(work_off(desk, slow))
        second = asyncio.create_task(work_off(desk, slow))
        await asyncio.to_thread(slow.entered.wait, 10)
        slow.hold.set()
        await asyncio.gather(first, second)

    asyncio.run(run())
    (point,) = telemetry.metrics["ml.model.queue.duration"].data.data_points
    assert point.count == 2
    assert point.min == 0.0
    assert point.max > 0.0


def test_a_client_that_leaves_frees_its_turn(telemetry, slow):
    """A request that is cancelled while its model runs leaves no prediction, and its turn comes back."""

    async def run():
        desk = desk_of(telemetry, concurrent_calls=1, waiting_requests=0)
        gone = asyncio.create_task(work_off(desk, slow))
        await asyncio.to_thread(slow.entered.wait, 10)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        slow.hold.set()
        await work_off(desk, slow)

    asyncio.run(run())
    assert len(predictions(telemetry)) == 1


def test_a_failing_model_is_a_503_and_no_prediction(telemetry, predictor):
    """What the model raises becomes a problem that can be asked again, beside the event loop too."""
    predictor.error = RuntimeError("out of trees")
    for requests in ([REQUEST], LARGE):
        with pytest.raises(ModelFailed):
            asyncio.run(work_off(desk_of(telemetry), predictor, requests))
    assert predictions(telemetry) == []


@pytest.mark.parametrize("lookup", [DelayedLookup(TableLookup(), 60.0), FailingLookup()], ids=["slow", "failing"])
def test_without_its_weather_a_flight_is_judged_by_medians(telemetry, predictor, lookup):
    """A lookup that fails, or does not make it in its share of the time, is a fallback and not an error."""
    judged = asyncio.run(work_off(desk_of(telemetry, lookup), predictor, seconds=1.0))
    assert judged.answers[0].features_source == "fallback"
    assert judged.rows[0]["temperature"] == 50.0
    (span,) = [span for span in telemetry.spans if span.name == "weather.lookup"]
    assert {event.name for event in span.events} & {"weather.timeout", "exception"}


def test_a_pace_is_slow_until_ten_calls_were_quick():
    """One slow call sends the next ones to a thread, and quick ones bring the model back to the event loop."""
    pace = FakePredictor().pace
    assert pace.quick
    pace.note(1.0)
    assert not pace.quick
    for _ in range(10):
        assert not pace.quick
        pace.note(0.0001)
    assert pace.quick
