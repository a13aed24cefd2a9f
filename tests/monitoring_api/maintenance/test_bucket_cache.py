"""Answers from kept buckets are those without them, whatever comes late, twice, or is computed in between."""

import random
from contextlib import AsyncExitStack
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import PREDICTIONS_1M, PREDICTIONS_15M, REQUESTS_1M, REQUESTS_15M
from services.monitoring_api.queries.bucket_cache import MemoryBuckets, question_key
from services.monitoring_api.queries.buckets import choose_step
from services.monitoring_api.queries.cache_place import CachePlace
from services.monitoring_api.queries.history import history
from services.monitoring_api.queries.redis_buckets import RedisBuckets
from services.monitoring_api.queries.timerange import NANOSECONDS
from tests.monitoring_api.queries.asking import question
from tests.monitoring_api.redis_server import RedisServer
from tests.monitoring_api.store import T0, prediction, span

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)
END = T0 + 12 * MINUTE
LATER = END + timedelta(hours=1)


@pytest.fixture(scope="module")
def redis():
    """A Redis, for the module."""
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def caches(request, redis):
    """``caches(max_bytes)`` makes two processes' caches; in memory there is one for both."""
    async with AsyncExitStack() as opened:
        await (await opened.enter_async_context(redis.client())).flushall()

        def make(max_bytes):
            if request.param == "memory":
                made = MemoryBuckets(max_bytes)
                return made, made
            place = CachePlace("127.0.0.1", redis.port, timeout_seconds=5.0)
            both = RedisBuckets(place, identity), RedisBuckets(place, identity)
            for each in both:
                opened.push_async_callback(each.close)
            return both

        yield make


@pytest.fixture
def cache(caches):
    """An empty cache."""
    return caches(1_000_000)[0]


async def identity():
    """The one store of these tests."""
    return "19:A"


async def maintain(store, most_marks=10_000):
    """One pass over both rollups."""
    settle, kept = timedelta(seconds=10), timedelta(days=30)
    for what in (REQUESTS_1M, PREDICTIONS_1M, REQUESTS_15M, PREDICTIONS_15M):
        await recompute(store, what, now=LATER, settle=settle, kept=kept, most_marks=most_marks)


async def ask(store, cache, metric, *, start=T0, end=END, step="1m", by=(), tz="UTC", where=()):
    """An answer's series; the statements it took are in ``store.asked``."""
    asked = question(metric, start, end, by=by, where=where)
    buckets = choose_step(step, asked.span, ZoneInfo(tz))
    store.asked.clear()
    answer = await history(store, asked, buckets, now=LATER, cache=cache)
    return {tuple(each.labels.values()): each.points for each in answer.series}


def statements(store, text):
    """Those of the last answer's statements that read this."""
    return [query for query in store.asked if text in query.sql]


def same(one, other):
    """Whether two answers agree; sums of floating-point numbers do to their last digit."""
    assert one.keys() == other.keys()
    for group, points in one.items():
        assert [at for at, _ in points] == [at for at, _ in other[group]]
        for (_, value), (_, wanted) in zip(points, other[group], strict=True):
            assert (value is None) == (wanted is None)
            assert value is None or value == pytest.approx(wanted, rel=1e-12)


async def test_the_same_question_again_asks_for_no_rows(store, cache):
    """Finished buckets come from memory; what changed since is still asked for."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=7 * n)) for n in range(100)])
    await maintain(store)
    first = await ask(store, cache, "request_rate", by=["route"])
    assert len(statements(store, "_finished FINAL")) == 1
    assert await ask(store, cache, "request_rate", by=["route"]) == first
    assert [len(statements(store, text)) for text in ("otel_traces", " FINAL")] == [0, 0]
    assert len(statements(store, "ComputedAt >")) == 1


async def test_a_range_that_moved_asks_only_for_what_is_new(store, cache):
    """Both cut ends and the new minutes are read, not the middle."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=7 * n)) for n in range(100)])
    await maintain(store)
    await ask(store, cache, "request_rate", end=T0 + 10 * MINUTE)
    moved = {"start": T0 + timedelta(seconds=30), "end": T0 + timedelta(seconds=690)}
    found = await ask(store, cache, "request_rate", **moved)
    (query,) = statements(store, "FROM otel_traces FINAL")
    pieces = {
        name: at // (NANOSECONDS if name.startswith("raw") else 1) - int(T0.timestamp())
        for name, at in query.parameters.items()
        if name.endswith(("_from", "_to"))
    }
    assert pieces == {
        "raw_0_from": 30,
        "raw_0_to": 60,
        "raw_1_from": 660,
        "raw_1_to": 690,
        "rollup_0_from": 600,
        "rollup_0_to": 660,
    }
    same(found, await ask(store, None, "request_rate", **moved))


async def test_a_computed_minute_invalidates_its_own_bucket_only(store, cache):
    """After a late row was worked in, one minute is read, and the answer has it."""
    store.insert("otel_traces", [span(T0 + timedelta(seconds=7 * n)) for n in range(100)])
    await maintain(store)
    before = await ask(store, cache, "request_rate")
    store.insert("otel_traces", [span(T0 + 4 * MINUTE)])
    dirty = await ask(store, cache, "request_rate")
    await maintain(store)
    computed = await ask(store, cache, "request_rate")
    (query,) = statements(store, "rollup_requests_finished FINAL")
    start = int(T0.timestamp()) + 240
    assert {k: v for k, v in query.parameters.items() if k.startswith("rollup_")} == {
        "rollup_0_from": start,
        "rollup_0_to": start + 60,
    }
    same(computed, dirty)
    changed = [at for (at, one), (_, other) in zip(before[()], computed[()], strict=True) if one != other]
    assert changed == [start]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_in_between_the_answers_are_those_without_a_cache(store, caches, seed):
    """Late rows, duplicates in other batches, passes that work off a part, steps, groups, zones, evictions."""
    chance = random.Random(seed)
    processes = caches(chance.choice([3_000, 40_000, 10_000_000]))
    sent: list[dict] = []
    for _ in range(15):
        match chance.randrange(4):
            case 0:
                rows = [_request(chance) for _ in range(chance.randint(1, 20))]
                sent += rows
                store.insert("otel_traces", rows)
                store.insert("otel_logs", [_prediction(chance) for _ in range(chance.randint(1, 20))])
            case 1 if sent:
                store.insert("otel_traces", chance.sample(sent, chance.randint(1, min(len(sent), 9))))
            case 2:
                await maintain(store, most_marks=chance.choice([2, 10_000]))
        chosen = {
            "step": chance.choice(["1m", "2m", "5m", "30s", "1d"]),
            "start": T0 + chance.choice([0, 1, 77]) * timedelta(seconds=1),
            "end": END - chance.choice([0, 45, 200]) * timedelta(seconds=1),
            "tz": chance.choice(["UTC", "Asia/Kolkata"]),
        }
        metric, by = chance.choice(
            [
                ("request_rate", ()),
                ("error_ratio", ("route",)),
                ("latency_p95", ("status_code",)),
                ("score_mean", ("model_version",)),
                ("positive_ratio", ()),
            ]
        )
        found = await ask(store, chance.choice(processes), metric, by=by, **chosen)
        same(found, await ask(store, None, metric, by=by, **chosen))


def _request(chance):
    return span(
        T0 + timedelta(seconds=chance.random() * 720),
        seconds=chance.choice([0.01, 0.2, 1.0]),
        route=chance.choice(["/a", "/b"]),
        status=chance.choice([200, 500]),
    )


def _prediction(chance):
    at = T0 + timedelta(seconds=chance.random() * 720)
    return prediction(at, score=chance.choice([0.25, 0.75]), version=chance.choice(["v1", "v2"]))


def test_questions_are_told_apart():
    """What gives other rows has another key; the range is not part of it."""
    by_route = question("request_rate", T0, END, by=["route"])
    asked = [
        question("request_rate", T0, END),
        question("error_ratio", T0, END),
        by_route,
        question("request_rate", T0, END, by=["service"]),
        question("request_rate", T0, END, where=["route=/a"]),
        question("request_rate", T0, END, where=["route!=/a"]),
        by_route.keeping([("/a",)]),
        by_route.keeping([]),
    ]
    keys = [question_key(each, choose_step("1m", each.span, ZoneInfo("UTC"))) for each in asked]
    keys += [
        question_key(asked[0], choose_step(step, asked[0].span, ZoneInfo(tz)))
        for step, tz in (("2m", "UTC"), ("1d", "UTC"), ("1d", "Asia/Kolkata"))
    ]
    assert len(set(keys)) == len(keys)
    moved = question("request_rate", T0 + MINUTE, END)
    assert question_key(moved, choose_step("1m", moved.span, ZoneInfo("UTC"))) == keys[0]


async def test_the_cache_keeps_to_its_bytes():
    """Old buckets go, the newest stay; one of no bytes keeps nothing."""
    cache = MemoryBuckets(4_000)
    for number in range(100):
        await cache.put(b"q", 1, {number: []})
    assert list(await cache.get(b"q", range(100))) == list(range(90, 100))
    nothing = MemoryBuckets(0)
    await nothing.put(b"q", 1, {0: []})
    assert await nothing.get(b"q", [0]) == {}
