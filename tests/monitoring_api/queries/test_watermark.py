"""How far telemetry has arrived."""

from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.queries.current import measure
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from services.monitoring_api.queries.watermark import heartbeats_query, watermark
from sightglass.attributes import HEARTBEAT_METRIC
from tests.monitoring_api.queries.asking import ask_history
from tests.monitoring_api.store import T0, point, span

pytestmark = pytest.mark.anyio


def beats(store, **last_heard):
    """Each instance's last heartbeat, in seconds before T0."""
    rows = [point(T0 - timedelta(seconds=ago), HEARTBEAT_METRIC, 1, instance=name) for name, ago in last_heard.items()]
    store.insert("otel_metrics_gauge", rows)


def ago(seconds):
    """Nanoseconds of a time before T0."""
    return epoch_ns(T0) - seconds * NANOSECONDS


def test_the_statement_binds_everything():
    """Times and names are parameters."""
    query = heartbeats_query(T0, lookback_seconds=900)
    assert query.parameters == {
        "heartbeat": "sightglass.process.uptime",
        "start_ns": ago(900),
        "now_ns": epoch_ns(T0),
        "alive_seconds": 20,
    }
    assert all(f"{{{name}:" in query.sql for name in query.parameters)


async def test_without_a_heartbeat_nothing_is_known(store):
    """No process was ever heard."""
    assert await watermark(store, T0) is None


async def test_it_is_the_oldest_of_the_live_processes(store):
    """The process that is furthest behind decides; one that ended does not hold it back."""
    beats(store, a=2, b=7, ended=40)
    assert await watermark(store, T0) == ago(7 + 1)


async def test_slow_spans_hold_it_back(store):
    """What spans lately took to arrive comes off."""
    beats(store, a=2)
    store.insert("otel_traces", [span(T0 - timedelta(seconds=30), lag=9)])
    assert await watermark(store, T0) == ago(2 + 9)


async def test_it_stands_still_when_everything_is_cut_off(store):
    """After an hour without any heartbeat it is where it was."""
    beats(store, a=3600, b=3605)
    assert await watermark(store, T0) == ago(3605 + 1)


async def test_answers_say_up_to_where_they_are_complete(store):
    """A range before the watermark is complete; one beyond it says up to where."""
    beats(store, a=4)
    done = await ask_history(store, "request_rate", T0 - timedelta(hours=1), T0 - timedelta(minutes=1), now=T0)
    assert done.complete_until_ns == epoch_ns(T0 - timedelta(minutes=1))
    open_ = await ask_history(store, "request_rate", T0 - timedelta(hours=1), T0, now=T0)
    assert open_.complete_until_ns == ago(5)


@pytest.mark.parametrize(
    ("seconds", "window", "complete"),
    [
        (5, 300, True),
        (28, 300, True),
        (31, 300, False),
        (4000, 300, False),
        (2, 1, False),
        (4, 60, True),
        (9, 60, False),
    ],
)
async def test_a_measurement_is_incomplete_when_much_of_its_window_is_to_come(store, seconds, window, complete):
    """A tenth of the window is forgiven, and at most 30 s."""
    beats(store, a=seconds)
    (found,) = await measure(store, "request_rate", window=timedelta(seconds=window), now=T0)
    assert found.complete is complete
    assert found.complete_until_ns == max(ago(seconds + 1), ago(window))


class Waiting:
    """A clock that only sleeping moves, and what arrives meanwhile."""

    def __init__(self, store, **arrives) -> None:
        self.store = store
        self.at = T0.timestamp()
        self.arrives = arrives

    def now(self):
        """The time."""
        return self.at

    async def sleep(self, seconds):
        """Time passes, and heartbeats arrive that were made five seconds before."""
        self.at += seconds
        for name, after in self.arrives.items():
            made = min(self.at - 5, T0.timestamp() + after)
            self.store.insert("otel_metrics_gauge", [_beat(made, name)])


def _beat(seconds, name):
    return point(datetime.fromtimestamp(seconds, UTC), HEARTBEAT_METRIC, 1, instance=name)


async def look(store, waiting, window="60s"):
    """A rule's look at T0; windows end five seconds before."""
    rule = Rule(alert="A", metric="request_rate", window=window, condition="> 0")
    (question,) = rule.questions(T0.timestamp())
    ask = ClickHouseMeasure(store, delay_seconds=5, clock=waiting.now, sleep=waiting.sleep, arrived=watermark)
    (reading,) = (await ask([question], T0.timestamp()))[question]
    return reading


async def test_a_look_waits_for_data_that_is_on_its_way(store):
    """Its window ends where it always does, is judged as soon as all of it has arrived, and then is complete."""
    beats(store, a=9)
    store.insert("otel_traces", [span(T0 - timedelta(seconds=ago_), seconds=0.1) for ago_ in (66, 64, 6, 4)])
    waiting = Waiting(store, a=3600)
    reading = await look(store, waiting)
    assert (reading.complete, reading.count) == (True, 2)
    assert 1 <= waiting.at - T0.timestamp() <= 3


async def test_a_look_waits_no_longer_than_its_patience(store):
    """An exporter that stopped makes the window incomplete half a minute after the slot, also a later slot's."""
    beats(store, a=9)
    waiting = Waiting(store)
    assert not (await look(store, waiting)).complete
    assert waiting.at - T0.timestamp() == 30
    waiting.at += 1000
    assert not (await look(store, waiting)).complete
    assert waiting.at - T0.timestamp() == 1030, "what is past is not waited for"


async def test_a_look_does_not_wait_for_what_is_there_or_unknown(store):
    """Without any heartbeat nothing is known; with a young one nothing is missing."""
    waiting = Waiting(store)
    assert (await look(store, waiting)).complete
    beats(store, a=3, ended=60)
    assert (await look(store, waiting)).complete
    assert waiting.at == T0.timestamp()
