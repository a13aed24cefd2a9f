"""Many questions in few statements get the answers that each would get by itself."""

import asyncio
import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries import windows as asking
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.current import measure
from services.monitoring_api.queries.filters import Filter, Operator, equal
from services.monitoring_api.queries.slots import Slots, measure_slots
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import Watermark, watermark
from services.monitoring_api.queries.windows import Window, measure_windows
from services.web.problems import Problem
from sightglass.attributes import EXPORT_TIME_METRIC, HEARTBEAT_METRIC, SPAN_COUNT_METRIC
from tests.monitoring_api.maintenance.test_outcomes import maintain
from tests.monitoring_api.store import T0, ChdbStore, label, point, prediction, span

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
SERVICES = ("ml-api", "other-api")
MODELS = ("flight-delay", "fares")
NOW = T0 + 30 * HOUR


@pytest.fixture(scope="module")
def filled():
    """A day and a half of two services and two models, in rollups but for the last hours."""
    store = ChdbStore()
    chance = random.Random(11)

    def when():
        return T0 + chance.random() * (NOW - T0) if chance.random() < 0.7 else NOW - chance.random() * HOUR / 6

    def owner(index):
        return {"ServiceName": SERVICES[index], "ResourceAttributes": {"service.name": SERVICES[index]}}

    spans = [
        span(
            when(),
            seconds=chance.lognormvariate(-3, 1),
            route=chance.choice(["/a", "/b", "/c"]),
            status=chance.choice([200, 200, 404, 500]),
            ServiceName=(name := chance.choice(SERVICES)),
            resource={"service.name": name},
        )
        for _ in range(1_500)
    ]
    events = []
    for number in range(3_000):
        at, score, name = when(), round(chance.random(), 3), f"w{number}"
        regression = number % 5 == 0
        attributes = {"ml.model.name": "fares" if regression else chance.choice(MODELS[:1] * 3 + MODELS[1:])}
        if regression:
            attributes |= {"ml.task": "regression", "ml.prediction.value": str(number % 17)}
        kept = {"variant": chance.choice(["champion"] * 4 + ["shadow"]), "version": chance.choice(["v1", "v2"])}
        source = chance.choice(["store", "store", "fallback"])
        more = {"prediction_id": name, "score": None if regression else score, "attributes": attributes}
        events.append(prediction(at, source=source, **kept, **more, **owner(number % 2)))
        if at < NOW - HOUR / 12 and chance.random() < 0.9:
            truth = str(number % 19 + 0.5) if regression else chance.choice(["late", "on_time"])
            events.append(label(at + HOUR / 20, name, truth))
    store.insert("otel_traces", spans)
    store.insert("otel_logs", events)
    exports = [(NOW - minute * HOUR / 60, 100_000 - minute * 3) for minute in range(40)]
    store.insert(
        "otel_metrics_sum",
        [point(at, SPAN_COUNT_METRIC, count, service=name) for at, count in exports for name in SERVICES],
    )
    moments = [
        point(at, EXPORT_TIME_METRIC, at.timestamp() + 0.01, service=name) for at, _ in exports for name in SERVICES
    ]
    store.insert("otel_metrics_gauge", [*moments, point(NOW, HEARTBEAT_METRIC, 1), point(NOW, HEARTBEAT_METRIC, 1)])

    async def roll_up():
        await maintain(store, NOW - 2 * HOUR)
        for tier in (REQUESTS_1M, REQUESTS_15M):
            await recompute(
                store, tier, now=NOW - 2 * HOUR, settle=10 * SECOND, kept=timedelta(days=300), most_marks=100_000
            )

    asyncio.run(roll_up())
    yield store
    store.release()


def questions(metric):
    """What rules may ask of a metric: filters and groups of the same dimensions, and some that share with nobody."""
    known = CATALOGUE[metric].source.dimensions
    asked = [((), ()), ((), ("service",))]
    asked += [((equal("service", name),), ()) for name in (*SERVICES, "nobody")]
    asked.append(((Filter("service", Operator.IN, SERVICES),), ()))
    if "model" in known:
        asked += [((equal("model", name),), ()) for name in MODELS]
        asked += [((equal("model", name),), ("service",)) for name in MODELS]
        asked += [((), ("model",)), ((), ("service", "model")), ((equal("service", "ml-api"),), ("model",))]
    if "variant" in known:
        asked += [((equal("variant", "shadow"), equal("model", "flight-delay")), ("model_version",))]
    if "route" in known:
        asked += [((equal("route", "/a"), equal("service", "ml-api")), ()), ((), ("route", "status_class"))]
    return asked


def figures(measurements):
    """Their values; what is none is NaN, which equals itself below."""
    return [math.nan if each.value is None else each.value for each in measurements]


async def ask(store, windows, *, now=NOW, until=None, places=4):
    """Ask all of them at once."""
    return await measure_windows(
        store, windows, now=now, mark=Watermark(until), curves=SharedCurves(60), places=asyncio.Semaphore(places)
    )


@pytest.mark.parametrize("window", [HOUR / 6, 27 * HOUR])
async def test_every_metric_s_answers_are_those_of_single_questions(filled, window):
    """All metrics, filters and groupings together: values, counts, completeness and maturity are the same."""
    span_ = TimeRange(epoch_ns(NOW - window), epoch_ns(NOW))
    asked = [Window(metric, span_, filters, by) for metric in CATALOGUE for filters, by in questions(metric)]
    filled.asked.clear()
    found = await ask(filled, asked, until=(await watermark(filled, NOW)).everywhere_ns)
    statements = len(filled.asked)
    filled.asked.clear()
    curves = SharedCurves(60)
    measured = 0
    # One of each metric's, others for either window: by itself each takes as long as all of them together.
    chance = random.Random(window.total_seconds())
    pairs = list(zip(asked, found, strict=True))
    checked = [chance.choice([each for each in pairs if each[0].metric == name]) for name in CATALOGUE]
    for one, answer in checked:
        alone = await measure(
            filled, one.metric, window=window, now=NOW, filters=one.filters, group_by=one.group_by, curves=curves
        )
        assert [each.labels for each in answer] == [each.labels for each in alone], one
        assert figures(answer) == pytest.approx(figures(alone), rel=1e-9, nan_ok=True), one
        assert [(each.count, each.immature) for each in answer] == [(each.count, each.immature) for each in alone], one
        measured += sum(each.value is not None for each in answer)
    assert measured > 20, "the rows are there"
    assert statements / len(asked) < len(filled.asked) / len(checked) / 10


async def test_rules_that_differ_in_a_value_are_one_statement(filled):
    """A hundred services, and all metrics of requests: one scan, with values that name only whom is asked for."""
    span_ = TimeRange(epoch_ns(NOW - HOUR / 6), epoch_ns(NOW))
    metrics = ("request_rate", "error_ratio", "latency_p95", "latency_p99")
    asked = [
        Window(metric, span_, (equal("service", f"s{number}"),)) for metric in metrics for number in range(100)
    ] + [Window("error_ratio", span_, (equal("service", "ml-api"),))]
    filled.asked.clear()
    *strangers, known = await ask(filled, asked)
    assert len(filled.asked) == 1
    assert [answer[0].value for answer in strangers] == [0.0] * 100 + [None] * 300
    assert known[0].count > 0


async def test_all_metrics_of_a_source_are_one_statement(filled):
    """Also those that rest on different rows of it."""
    span_ = TimeRange(epoch_ns(NOW - HOUR / 6), epoch_ns(NOW))
    metrics = [name for name, metric in CATALOGUE.items() if metric.source.name == "predictions"]
    filled.asked.clear()
    await ask(filled, [Window(name, span_, (equal("model", "fares"),)) for name in metrics])
    assert len(filled.asked) == 1


async def test_a_wrong_question_fails_alone(filled):
    """Others of the round get their answers."""
    span_ = TimeRange(epoch_ns(NOW - HOUR / 6), epoch_ns(NOW))
    bad, good = await ask(filled, [Window("error_ratio", span_, (), ("variant",)), Window("error_ratio", span_)])
    assert isinstance(bad, Problem)
    assert "variant" in bad.detail
    assert good[0].count > 0


async def test_an_answer_that_may_be_cut_off_is_asked_for_one_by_one(filled, monkeypatch):
    """Where a batch has more groups than are taken, nobody loses any."""
    span_ = TimeRange(epoch_ns(NOW - 27 * HOUR), epoch_ns(NOW))
    asked = [
        Window("error_ratio", span_, (), ("service", "route")),
        Window("latency_p95", span_, (), ("route", "service")),
    ]
    whole = await ask(filled, asked)
    monkeypatch.setattr(asking, "_MOST_ROWS", 3)
    assert await ask(filled, asked) == whole
    assert [len(answer) for answer in whole] == [6, 6]


async def test_a_window_is_complete_when_all_of_it_has_arrived(filled):
    """A second that is missing makes it incomplete."""
    span_ = TimeRange(epoch_ns(NOW - HOUR / 6), epoch_ns(NOW))
    for until, complete in ((None, True), (span_.end_ns, True), (span_.end_ns - 10**9, False)):
        ((one,),) = await ask(filled, [Window("error_ratio", span_)], until=until)
        assert one.complete is complete


@pytest.mark.parametrize(("window", "interval"), [(HOUR / 6, 60 * SECOND), (3 * HOUR, HOUR / 2)])
async def test_slots_asked_at_once_are_those_asked_one_by_one(filled, window, interval):
    """Every metric in a row of slots: each slot's groups, values, counts, completeness and maturity."""
    first, count = NOW - 3 * interval, 4
    span_ = TimeRange(epoch_ns(first - window), epoch_ns(first))
    chance = random.Random(window.total_seconds())
    asked = [Window(name, span_, *each) for name in CATALOGUE for each in chance.sample(questions(name), 2)]
    slots = Slots(epoch_ns(first), round(interval.total_seconds()) * 10**9, count)
    common = {
        "mark": Watermark(epoch_ns(NOW - 2 * interval)),
        "curves": SharedCurves(60),
        "places": asyncio.Semaphore(4),
    }
    filled.asked.clear()
    found = await measure_slots(filled, asked, slots, **common)
    measured = 0
    for number in (0, 3):
        moved = TimeRange(span_.start_ns + number * slots.interval_ns, span_.end_ns + number * slots.interval_ns)
        windows = [replace(one, span=moved) for one in asked]
        at = first + number * interval
        single = await measure_windows(filled, windows, now=at, as_of_ns=epoch_ns(at), **common)
        for one, every, alone in zip(asked, found, single, strict=True):
            answer = every[number]
            assert [each.labels for each in answer] == [each.labels for each in alone], one
            assert figures(answer) == pytest.approx(figures(alone), rel=1e-9, nan_ok=True), one
            for mine, theirs in zip(answer, alone, strict=True):
                assert (mine.count, mine.complete, mine.immature is None) == (
                    (theirs.count, theirs.complete, theirs.immature is None)
                ), one
            measured += sum(each.value is not None for each in answer)
    assert measured > 60


async def test_slots_need_few_statements(filled):
    """Half a day of looks at all metrics of requests: one statement, not one for each look."""
    first = NOW - 12 * HOUR
    span_ = TimeRange(epoch_ns(first - HOUR / 12), epoch_ns(first))
    slots = Slots(epoch_ns(first), 60 * 10**9, 720)
    metrics = [name for name, metric in CATALOGUE.items() if metric.source.name == "requests"]
    filled.asked.clear()
    common = {"mark": Watermark(), "curves": SharedCurves(60), "places": asyncio.Semaphore(4)}
    found = await measure_slots(filled, [Window(name, span_, (), ("service",)) for name in metrics], slots, **common)
    assert [len(each) for each in found] == [720] * len(metrics)
    assert len(filled.asked) == 1


async def test_slots_whose_answer_is_cut_off_are_asked_for_in_fewer(filled, monkeypatch):
    """Nothing is lost."""
    first = NOW - HOUR
    slots = Slots(epoch_ns(first), 60 * 10**9, 30)
    one = Window("error_ratio", TimeRange(epoch_ns(first - HOUR), epoch_ns(first)), (), ("service", "route"))
    common = {"mark": Watermark(), "curves": SharedCurves(60), "places": asyncio.Semaphore(4)}
    whole = await measure_slots(filled, [one], slots, **common)
    monkeypatch.setattr("services.monitoring_api.queries.slots._MOST_ROWS", 50)
    assert await measure_slots(filled, [one], slots, **common) == whole
    monkeypatch.setattr("services.monitoring_api.queries.slots._MOST_ROWS", 2)
    ((refused, *_),) = await measure_slots(filled, [one], slots, **common)
    assert "group_by" in refused.detail
