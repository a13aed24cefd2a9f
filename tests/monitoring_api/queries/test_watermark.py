"""How far telemetry has arrived."""

from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.evaluation import advance, ask, look
from services.monitoring_api.alerting.models import AlertStatus, ObservationKind
from services.monitoring_api.alerting.replay import follow
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.queries.current import measure
from services.monitoring_api.queries.filters import equal
from services.monitoring_api.queries.sources import OUTCOMES, PREDICTIONS, REQUESTS
from services.monitoring_api.queries.timerange import NANOSECONDS, epoch_ns
from services.monitoring_api.queries.watermark import (
    GONE_SECONDS,
    SharedWatermark,
    Watermark,
    heartbeats_query,
    watermark,
)
from sightglass.attributes import ENDED_METRIC, HEARTBEAT_METRIC, SPAN_COUNT_METRIC
from tests.monitoring_api.queries.asking import ask_history
from tests.monitoring_api.store import T0, label, point, prediction, span, text

pytestmark = pytest.mark.anyio


def beats(store, **last_heard):
    """Each instance's last heartbeat, in seconds before T0."""
    rows = [point(T0 - timedelta(seconds=ago), HEARTBEAT_METRIC, 1, instance=name) for name, ago in last_heard.items()]
    store.insert("otel_metrics_gauge", rows)


async def until(store):
    """The watermark of all services together, at T0."""
    return (await watermark(store, T0)).everywhere_ns


def ago(seconds):
    """Nanoseconds of a time before T0."""
    return epoch_ns(T0) - seconds * NANOSECONDS


def test_the_statement_binds_everything():
    """Times and names are parameters."""
    query = heartbeats_query(T0, lookback_seconds=900)
    assert query.parameters == {
        "heartbeat": "sightglass.process.uptime",
        "ended": "sightglass.process.ended",
        "start_ns": ago(900),
        "now_ns": epoch_ns(T0),
        "alive_seconds": 20,
        "gone_seconds": 300,
    }
    assert all(f"{{{name}:" in query.sql for name in query.parameters)


async def test_without_a_heartbeat_nothing_is_known(store):
    """No process was ever heard."""
    assert await watermark(store, T0) == Watermark()
    assert await until(store) is None


async def test_it_is_the_oldest_of_the_live_processes(store):
    """The process that is furthest behind decides; one whose service has had a new one since does not hold it back."""
    beats(store, a=2, b=7, replaced=40)
    assert await until(store) == ago(7 + 1)


async def test_slow_spans_hold_it_back(store):
    """What spans lately took to arrive comes off."""
    beats(store, a=2)
    store.insert("otel_traces", [span(T0 - timedelta(seconds=30), lag=9)])
    assert await until(store) == ago(2 + 9)


def counts(store, *counted):
    """What a process counted: (seconds before T0, spans so far)."""
    more = {"AggregationTemporality": 2, "IsMonotonic": True}
    rows = [point(T0 - timedelta(seconds=at), SPAN_COUNT_METRIC, spans) | more for at, spans in counted]
    store.insert("otel_metrics_sum", rows)


@pytest.mark.parametrize(
    ("newest", "counted", "expected"),
    [
        (100, [(110, 5), (100, 6), (90, 6), (10, 6)], 3),
        (100, [(110, 5), (100, 6), (90, 6), (80, 7), (10, 9)], 90),
        (4000, [(4010, 5), (4000, 6), (3990, 6), (3980, 7), (20, 890), (10, 900)], 3990),
        (None, [(110, 5), (100, 6), (10, 6)], 110),
        (30, [(110, 5), (100, 6), (90, 6), (80, 7), (10, 9)], 3),
    ],
    ids=["idle", "on-their-way", "for-an-hour", "none-ever", "some-have-come"],
)
async def test_heartbeats_that_come_before_their_spans_do_not_move_it(store, newest, counted, expected):
    """Where spans were counted and none came, it is where the first of them were counted; without any it moves on."""
    beats(store, a=2)
    counts(store, *counted)
    if newest is not None:
        store.insert("otel_traces", [span(T0 - timedelta(seconds=newest))])
    assert await until(store) == ago(expected)


async def test_spans_that_never_come_count_as_lost_after_five_minutes(store):
    """So that traces that are lost are an absence like any other."""
    beats(store, a=2)
    counts(store, (110, 5), (100, 6), (90, 6), (80, 7))
    store.insert("otel_traces", [span(T0 - timedelta(seconds=100))])
    passed = [0.0]
    shared = SharedWatermark(0.5, clock=lambda: passed[0])
    for passed[0], expected in ((1.0, 90), (1.0 + GONE_SECONDS, 90), (2.0 + GONE_SECONDS, 3)):
        assert (await shared(store, T0)).everywhere_ns == ago(expected)


async def test_it_stands_still_when_everything_is_cut_off(store):
    """After an hour without any heartbeat it is where it was."""
    beats(store, a=3600, b=3605)
    assert await until(store) == ago(3605 + 1)


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


def events_counted(store, metric, *counted):
    """What a process counted of two models: (seconds before T0, so many of each so far)."""
    rows = [
        point(T0 - timedelta(seconds=at), metric, made, ml__model__name=name) | {"AggregationTemporality": 2}
        for at, made in counted
        for name in ("flight-delay", "fares")
    ]
    if rows:
        store.insert("otel_metrics_sum", rows)


@pytest.mark.parametrize(
    ("events", "counted", "expected"),
    [
        ([(30, 9)], [], 2 + 9),
        ([], [], 2 + 1),
        ([(100, 1)], [(110, 5), (100, 6), (90, 6), (80, 7), (10, 9)], 90),
        ([], [(110, 5), (100, 6), (90, 6)], 110),
        ([(30, 1)], [(110, 5), (100, 6), (90, 6), (80, 7), (10, 9)], 3),
    ],
    ids=["slow", "idle", "on-their-way", "none-ever", "some-have-come"],
)
@pytest.mark.parametrize("metric", ["ml.prediction.count", "ml.label.count"])
async def test_predictions_and_labels_have_a_watermark_of_their_own(store, metric, events, counted, expected):
    """They travel as logs: what they take to arrive, and what of them was counted, holds back them and not spans."""
    beats(store, a=2)
    store.insert("otel_traces", [span(T0 - timedelta(seconds=5), seconds=0.1, lag=0.5)])
    made = prediction if metric == "ml.prediction.count" else lambda at, **more: label(at, "p1", "late", **more)
    times = [(T0 - timedelta(seconds=at), timedelta(seconds=lag)) for at, lag in events]
    # Other events say nothing of these.
    other = prediction(T0 - timedelta(seconds=7), EventName="ml.model.switch", ArrivedAt=text(T0))
    store.insert("otel_logs", [other, *(made(at, ArrivedAt=text(at + lag)) for at, lag in times)])
    events_counted(store, metric, *counted)
    mark = await watermark(store, T0)
    assert mark.about(REQUESTS).everywhere_ns == ago(3)
    assert mark.about(PREDICTIONS).everywhere_ns == mark.about(OUTCOMES).everywhere_ns == ago(expected)
    assert mark.about(PREDICTIONS).of([equal("service", "ml-api")]) == ago(expected)
    assert mark.of_all_ns == ago(max(3, expected))


async def test_predictions_that_never_come_count_as_lost_after_five_minutes(store):
    """As spans do; and the answer about a window that ends now says so, too."""
    beats(store, a=2)
    events_counted(store, "ml.prediction.count", (110, 5), (100, 6), (90, 6), (80, 7))
    store.insert("otel_logs", [prediction(T0 - timedelta(seconds=100))])
    passed = [0.0]
    shared = SharedWatermark(0.5, clock=lambda: passed[0])
    for passed[0], complete in ((1.0, False), (1.0 + GONE_SECONDS, False), (2.0 + GONE_SECONDS, True)):
        asked = {"window": timedelta(minutes=5), "now": T0, "arrived": shared}
        ((rate,), (requests,)) = [await measure(store, name, **asked) for name in ("prediction_rate", "request_rate")]
        assert (rate.complete, requests.complete) == (complete, True)


async def test_a_rule_over_predictions_waits_for_predictions(store):
    """Spans are there at once, predictions of the window are late: it is judged with them, or is incomplete."""
    beats(store, a=3)
    store.insert("otel_traces", [span(T0 - timedelta(seconds=8), seconds=0.1, lag=0.5)])
    events_counted(store, "ml.prediction.count", (110, 5), (100, 6), (40, 6), (10, 9))
    store.insert("otel_logs", [prediction(T0 - timedelta(seconds=100))])
    waiting = Waiting(store, a=3600)
    (reading,) = await read_all(store, waiting, "prediction_rate")
    assert (reading.complete, waiting.at - T0.timestamp()) == (False, 30)
    (reading,) = await read_all(store, waiting, "request_rate")
    assert reading.complete
    late = [prediction(T0 - timedelta(seconds=at), ArrivedAt=text(T0 + timedelta(seconds=5))) for at in range(8, 14)]
    waiting = Waiting(store, {5: late}, a=3600)
    (reading,) = await read_all(store, waiting, "prediction_rate")
    assert (reading.complete, reading.count) == (True, 6)
    assert 5 < waiting.at - T0.timestamp() < 30


async def test_a_silent_service_keeps_nobody_waiting(store):
    """What only it holds back is incomplete at once; a short wait would not bring it back, and delay all of a group."""
    heard(store, "worker", 600, 2)
    heard(store, "ml-api", 600, 40)
    waiting = Waiting(store)
    assert not (await read(store, waiting)).complete
    assert waiting.at == T0.timestamp()
    heard(store, "batch", 600, 12)
    assert not (await read(store, waiting)).complete
    assert waiting.at == T0.timestamp() + 30, "one that was heard just now may only be slow"


class Waiting:
    """A clock that only sleeping moves, and what arrives meanwhile."""

    def __init__(self, store, events=None, **arrives) -> None:
        self.store = store
        self.at = T0.timestamp()
        self.events = events or {}
        self.arrives = arrives

    def now(self):
        """The time."""
        return self.at

    async def sleep(self, seconds):
        """Time passes, and heartbeats arrive that were made five seconds before."""
        self.at += seconds
        for after in [after for after in self.events if T0.timestamp() + after <= self.at]:
            self.store.insert("otel_logs", self.events.pop(after))
        for name, after in self.arrives.items():
            made = min(self.at - 5, T0.timestamp() + after)
            self.store.insert("otel_metrics_gauge", [_beat(made, name)])


def _beat(seconds, name):
    return point(datetime.fromtimestamp(seconds, UTC), HEARTBEAT_METRIC, 1, instance=name)


async def read_all(store, waiting, metric):
    """A rule's look at T0; windows end five seconds before."""
    rule = Rule(alert="A", metric=metric, window="60s", condition="> 0")
    (question,) = rule.questions(T0.timestamp())
    measured = ClickHouseMeasure(store, delay_seconds=5, clock=waiting.now, sleep=waiting.sleep, arrived=watermark)
    return (await measured([question], T0.timestamp()))[question]


async def read(store, waiting):
    """One about requests."""
    (reading,) = await read_all(store, waiting, "request_rate")
    return reading


async def test_a_look_waits_for_data_that_is_on_its_way(store):
    """Its window ends where it always does, is judged as soon as all of it has arrived, and then is complete."""
    beats(store, a=9)
    store.insert("otel_traces", [span(T0 - timedelta(seconds=ago_), seconds=0.1) for ago_ in (66, 64, 6, 4)])
    waiting = Waiting(store, a=3600)
    reading = await read(store, waiting)
    assert (reading.complete, reading.count) == (True, 2)
    assert 1 <= waiting.at - T0.timestamp() <= 3


async def test_a_look_waits_no_longer_than_its_patience(store):
    """An exporter that stopped makes the window incomplete half a minute after the slot, also a later slot's."""
    beats(store, a=9)
    waiting = Waiting(store)
    assert not (await read(store, waiting)).complete
    assert waiting.at - T0.timestamp() == 30
    waiting.at += 1000
    assert not (await read(store, waiting)).complete
    assert waiting.at - T0.timestamp() == 1030, "what is past is not waited for"


async def test_a_look_does_not_wait_for_what_is_there_or_unknown(store):
    """Without any heartbeat nothing is known; with a young one nothing is missing."""
    waiting = Waiting(store)
    assert (await read(store, waiting)).complete
    beats(store, a=3, replaced=60)
    assert (await read(store, waiting)).complete
    assert waiting.at == T0.timestamp()


def heard(store, service, since, last, *, ended=False):
    """A process's heartbeats, between two times in seconds before T0, and maybe that it said that it ends."""
    rows = [
        point(T0 - timedelta(seconds=at), HEARTBEAT_METRIC, 1, instance=f"{service}-{since}", service=service)
        for at in (*range(since, last, -10), last)
    ]
    if ended:
        rows.append(
            point(T0 - timedelta(seconds=last), ENDED_METRIC, 1, instance=f"{service}-{since}", service=service)
        )
    store.insert("otel_metrics_gauge", rows)


@pytest.mark.parametrize(
    ("processes", "everywhere", "api", "alive"),
    [
        ([("worker", 600, 2, False), ("ml-api", 600, 60, False)], 60, 60, 2),
        ([("worker", 600, 2, False), ("ml-api", 600, 60, True)], 2, 2, 2),
        ([("worker", 600, 2, False), ("ml-api", 600, 60, False), ("ml-api", 40, 4, False)], 4, 4, 4),
        ([("worker", 600, 2, False), ("ml-api", 600, 60, False), ("ml-api", 500, 4, False)], 60, 60, 4),
        ([("worker", 600, 2, False), ("ml-api", 800, GONE_SECONDS + 2, False)], GONE_SECONDS + 2, GONE_SECONDS + 2, 2),
        ([("worker", 600, 2, False), ("ml-api", 800, GONE_SECONDS + 3, False)], 2, 2, 2),
        ([("worker", 600, 60, False), ("ml-api", 600, 2, False)], 60, 2, 2),
    ],
    ids=["silent", "ended", "replaced", "one-of-two", "waited-for", "gone", "another-service"],
)
async def test_a_process_that_falls_silent_is_waited_for(store, processes, everywhere, api, alive):
    """Unless it ended, was replaced, or has been silent for five minutes; and only where its service matters."""
    for service, since, last, ended in processes:
        heard(store, service, since, last, ended=ended)
    mark = await watermark(store, T0)
    assert mark.everywhere_ns == ago(everywhere + 1)
    assert mark.of([equal("route", "/a")]) == ago(everywhere + 1)
    assert mark.of([equal("service", "ml-api")]) == ago(api + 1)
    assert mark.of([equal("service", "one without heartbeats")]) == ago(alive + 1)


RULES = [
    Rule.model_validate({"alert": "Few", "metric": "request_rate", "window": "60s", "condition": "< 0.2"}),
    Rule.model_validate({"alert": "Gone", "metric": "request_rate", "window": "60s", "absent": True}),
    Rule.model_validate(
        {"alert": "GoneApi", "metric": "request_rate", "window": "60s", "absent": True, "filter": {"service": "ml-api"}}
    ),
    Rule.model_validate(
        {
            "alert": "EachGone",
            "metric": "request_rate",
            "window": "60s",
            "absent": True,
            "group_by": ["service"],
        }
    ),
    Rule.model_validate(
        {
            "alert": "FewOfOther",
            "metric": "request_rate",
            "window": "60s",
            "condition": "< 0.2",
            "filter": {"service": "other"},
        }
    ),
]


async def test_an_exporter_that_stops_makes_windows_incomplete_and_fires_nothing_else(store):
    """For five minutes what is about its service is incomplete, then it fires; what is about another is judged on."""
    start = T0 - timedelta(minutes=4)
    store.insert("otel_traces", [span(start + timedelta(seconds=at), service="ml-api") for at in range(0, 240, 2)])
    heard(store, "ml-api", 240, 0)
    stored = {rule.alert: {} for rule in RULES}
    seen = {}
    for after in (0, *range(60, 421, 30)):
        # Another service is heard all the time, and sends requests.
        begin = -240 if after == 0 else after - 30
        moments = [T0 + timedelta(seconds=at) for at in range(begin, after, 2)]
        other = {"ServiceName": "other", "resource": {"service.name": "other", "service.instance.id": "o"}}
        store.insert("otel_traces", [span(at, **other) for at in moments])
        store.insert(
            "otel_metrics_gauge",
            [point(at, HEARTBEAT_METRIC, 1, instance="o", service="other") for at in moments[::5]]
            + [point(T0 + timedelta(seconds=after), HEARTBEAT_METRIC, 1, instance="o", service="other")],
        )
        slot = T0.timestamp() + after
        measured = ClickHouseMeasure(
            store, delay_seconds=5, patience_seconds=0, clock=lambda slot=slot: slot + 1, arrived=watermark
        )
        answers = await ask([q for rule in RULES for q in rule.questions(slot)], measured, slot, timeout_seconds=60)
        for rule in RULES:
            mine = stored[rule.alert]
            looks = look(rule, answers, [alert.labels for alert in mine.values()], slot)
            seen[rule.alert, after] = {one.labels.get("service", ""): one.observation.kind for one in looks}
            follow(mine, advance(rule, 15.0, looks, mine, slot))
        firing = {
            (name, alert.labels.get("service", ""))
            for name, alerts in stored.items()
            for alert in alerts.values()
            if alert.state.status is AlertStatus.FIRING
        }
        if after < GONE_SECONDS:
            assert firing == set(), f"{after} s after it stopped"
        if 60 <= after <= GONE_SECONDS:
            for name in ("Few", "Gone", "GoneApi", "EachGone"):
                assert set(seen[name, after].values()) == {ObservationKind.INCOMPLETE}, (name, after)
        assert set(seen["FewOfOther", after].values()) == {ObservationKind.HEALTHY}
    assert firing == {("GoneApi", ""), ("EachGone", "ml-api")}
