"""Quarters of an hour and finished figures: used where they hold the answer, and never while they may be behind."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import (
    PREDICTIONS_1M,
    PREDICTIONS_15M,
    REQUESTS_1M,
    REQUESTS_15M,
)
from services.monitoring_api.migrate.files import load
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import SCHEMA_DIR
from services.monitoring_api.queries.catalogue import CATALOGUE
from tests.monitoring_api.queries.asking import ask_history, question, values
from tests.monitoring_api.store import T0, prediction, span

pytestmark = pytest.mark.anyio
END = T0 + timedelta(hours=2)
LATER = END + timedelta(hours=2)
# Those of labels have tests of their own.
METRICS = [name for name, metric in CATALOGUE.items() if metric.source.name in {"requests", "predictions"}]
MINUTES, QUARTERS = (REQUESTS_1M, PREDICTIONS_1M), (REQUESTS_15M, PREDICTIONS_15M)


async def maintain(store, tiers=(*MINUTES, *QUARTERS), now=LATER):
    """One pass over these tiers; how many buckets each computed."""
    settle, kept = timedelta(seconds=10), timedelta(days=400)
    return [
        (await recompute(store, tier, now=now, settle=settle, kept=kept, most_marks=10_000)).buckets for tier in tiers
    ]


def seed(store, count=300):
    """Two hours of requests and predictions; the same each time."""
    chance = random.Random(11)
    at = [T0 + timedelta(seconds=chance.random() * 7200) for _ in range(count)]
    store.insert(
        "otel_traces",
        [
            span(
                each,
                seconds=chance.lognormvariate(-3, 1),
                route=chance.choice(["/a", "/b", ""]),
                status=chance.choice([200, 500]),
            )
            for each in at
        ],
    )
    store.insert(
        "otel_logs",
        [
            prediction(each, score=chance.choice([None, 0.0, chance.random()]), version=chance.choice(["v1", "v2"]))
            for each in at
        ],
    )


def _in_rollup(metric, name):
    dimension = CATALOGUE[metric].source.dimensions.get(name)
    return dimension is not None and dimension.rollup is not None


def asked_of(store, table):
    """Whether the last answers read this table."""
    return any(table in query.sql for query in store.asked)


@pytest.mark.parametrize(
    ("step", "tz", "source"),
    [
        ("1m", "UTC", "rollup_1m"),
        ("5m", "UTC", "rollup_1m"),
        ("15m", "UTC", "rollup_15m"),
        ("1h", "UTC", "rollup_15m"),
        ("1d", "Asia/Kathmandu", "rollup_15m"),
        ("1d", "America/St_Johns", "rollup_15m"),
    ],
)
async def test_every_tier_answers_what_raw_rows_answer(store, step, tz, source):
    """Every metric, whole and by groups: sums are equal, and percentiles are there where they were."""
    seed(store)
    asked = [
        (metric, by)
        for metric in METRICS
        for by in ([], ["route"], ["route", "service"], ["status_class"], ["model_version"])
        if all(_in_rollup(metric, name) for name in by)
    ]
    exact = [values(await ask_history(store, metric, T0, END, by=by, step=step, tz=tz)) for metric, by in asked]
    await maintain(store)
    for (metric, by), wanted in zip(asked, exact, strict=True):
        answer = await ask_history(store, metric, T0, END, by=by, step=step, tz=tz)
        assert answer.source == source
        found = values(answer)
        assert found.keys() == wanted.keys(), (metric, by)
        for group, points in wanted.items():
            for one, other in zip(points, found[group], strict=True):
                assert (one is None) == (other is None), (metric, by, group)
                # Percentiles have a test of their own.
                assert one is None or "_p" in metric or other == pytest.approx(one, rel=1e-12), (metric, by, group)


@pytest.mark.parametrize(("step", "seconds"), [("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600)])
async def test_percentiles_are_within_their_bound_in_every_tier(store, step, seconds):
    """Finished or merged, each is within 1 % of a duration at its rank: the one below or the one above."""
    chance = random.Random(3)
    took: dict[tuple[str, int], list[float]] = {}
    rows = []
    for _ in range(2_000):
        at, route, lasted = chance.randrange(7200), chance.choice(["/a", "/b"]), chance.lognormvariate(-3, 2)
        rows.append(span(T0 + timedelta(seconds=at), seconds=lasted, route=route))
        took.setdefault((route, at // seconds), []).append(rows[-1]["Duration"] / 1e9)
    store.insert("otel_traces", rows)
    await maintain(store)
    for level in (50, 95, 99):
        answer = await ask_history(store, f"latency_p{level}", T0, END, by=["route"], step=step)
        assert answer.error_bound == 0.01
        for series in answer.series:
            for number, (_, value) in enumerate(series.points):
                lasted = took.get((series.labels["route"], number), [])
                assert (value is None) == (not lasted)
                if value is not None:
                    low, high = (np.quantile(lasted, level / 100, method=rank) for rank in ("lower", "higher"))
                    assert low * 0.9899 <= value <= high * 1.0101


@pytest.mark.parametrize(
    ("asked", "step", "finished"),
    [
        (("latency_p95", ["route"], []), "1m", True),
        (("latency_p95", ["route"], []), "15m", True),
        (("latency_p95", [], ["route=/a"]), "1m", True),
        (("latency_p95", ["route"], ["service=ml-api"]), "1m", True),
        (("latency_p95", ["route"], ["route!=/a"]), "1m", True),
        (("score_p95", ["model_version", "model"], []), "1m", True),
        (("score_p95", [], []), "15m", True),
        (("latency_p95", ["route"], []), "5m", False),
        (("latency_p95", ["route"], []), "30s", False),
        (("latency_p95", [], ["route!=/a"]), "1m", False),
        (("latency_p95", [], ["route=in(/a,/b)"]), "1m", False),
        (("latency_p95", ["status_class"], []), "1m", False),
        (("latency_p95", ["route"], ["status_class=2xx"]), "1m", False),
        (("score_p95", ["features_source"], []), "1m", False),
        (("error_ratio", ["route"], []), "1m", False),
    ],
)
async def test_finished_figures_are_taken_only_where_they_are_the_answer(store, asked, step, finished):
    """A grouping that is kept, each of its dimensions grouped by or given one value; everything else is merged."""
    metric, by, where = asked
    seed(store, 60)
    await maintain(store)
    store.asked.clear()
    merged = question(metric, T0, END, by=by, where=where)
    answer = values(await ask_history(store, metric, T0, END, by=by, where=where, step=step))
    assert asked_of(store, "_finished FINAL") == finished
    if finished:
        told_apart = merged.finished_grouping({"1m": 60, "15m": 900}[step])
        assert told_apart in merged.metric.source.rollup.finished.groupings
        # The same by merging, which the other path does: filtered by something that is always true.
        column = "status_class" if "latency" in metric else "features_source"
        other = await ask_history(store, metric, T0, END, by=by, where=[*where, f"{column}!=none"], step=step)
        assert values(other).keys() == answer.keys()
        for group, points in values(other).items():
            assert answer[group] == points


async def test_the_rest_of_many_groups_is_merged(store):
    """`other` has no finished figures: the statement that it comes from merges sketches."""
    seed(store, 60)
    await maintain(store)
    store.asked.clear()
    await ask_history(store, "latency_p95", T0, END, by=["route"], top=1)
    with_rest = [query.sql for query in store.asked if "kept" in query.parameters]
    assert [("_finished" in sql, "rollup_requests_1m FINAL" in sql) for sql in with_rest] == [(False, True)]


async def test_a_late_row_takes_its_quarter_out_until_it_is_computed_again(store):
    """Dirty minute raw, its quarter from minutes, then from the new quarter: the answer is right at each point."""
    seed(store)
    await maintain(store)
    before = values(await ask_history(store, "request_rate", T0, END, step="15m"))[()]
    store.insert("otel_traces", [span(T0 + timedelta(minutes=20))])
    wanted = [rate + (1 / 900 if number == 1 else 0) for number, rate in enumerate(before)]

    async def same(source):
        answer = await ask_history(store, "request_rate", T0, END, step="15m")
        assert answer.source == source
        assert values(answer)[()] == pytest.approx(wanted, rel=1e-12)

    await same("mixed")
    assert await maintain(store, MINUTES) == [1, 0]
    await same("mixed")
    assert await maintain(store, QUARTERS) == [1, 0]
    await same("rollup_15m")


async def test_an_open_quarter_waits_until_it_is_over(store):
    """Its minutes are finished one by one; the quarter is computed once, when it is closed."""
    seed(store)
    now = T0 + timedelta(minutes=14)
    minutes, quarters = await maintain(store, (REQUESTS_1M, REQUESTS_15M), now=now)
    assert (minutes > 5, quarters) == (True, 0)
    assert await maintain(store, (REQUESTS_15M,), now=T0 + timedelta(minutes=15, seconds=11)) == [1]


async def test_an_open_quarter_keeps_its_mark_when_others_are_worked_off(store):
    """Minutes of two quarters are computed in one pass while the second is open: it is computed once it is over."""
    at = [T0 + timedelta(minutes=minute) for minute in (5, 20)]
    store.insert("otel_traces", [span(each) for each in at])
    during = T0 + timedelta(minutes=25)
    assert await maintain(store, (REQUESTS_1M, REQUESTS_15M), now=during) == [2, 1]
    assert await maintain(store, (REQUESTS_15M,), now=during) == [0]
    assert await maintain(store, (REQUESTS_15M,)) == [1]
    counts = store.rows("SELECT sum(Requests) FROM otel.rollup_requests_15m FINAL")
    assert counts == [[2]]


async def test_groups_that_are_gone_leave_every_tier(store):
    """What a bucket had when it was computed, and has no longer, is not counted any more."""
    store.insert("otel_traces", [span(T0), span(T0, route="/gone")])
    await maintain(store)
    store._connection.query(
        "ALTER TABLE otel.otel_traces DELETE WHERE SpanAttributes['http.route'] = '/gone' SETTINGS mutations_sync = 2"
    )
    store.insert("otel_traces", [span(T0)])
    await maintain(store)
    for step in ("1m", "15m"):
        answer = await ask_history(store, "latency_p50", T0, T0 + timedelta(minutes=15), by=["route"], step=step)
        assert set(values(answer)) == {("/v1/predict",)}


async def test_minutes_from_before_the_tiers_are_answered_before_and_after_they_get_theirs(store):
    """After an upgrade nothing of the tiers is there: readers do without, and one pass makes it all."""
    seed(store)
    await maintain(store)
    wanted = {step: values(await ask_history(store, "latency_p95", T0, END, step=step)) for step in ("1m", "15m", "1h")}
    for table in ("rollup_requests_15m", "rollup_requests_finished"):
        store._connection.query(f"TRUNCATE TABLE otel.{table}")
    (tiers,) = [each for each in load(SCHEMA_DIR) if each.name == "tiers"]
    for statement in render(tiers.template, Target("otel", 3_650, 3_650)):
        store._connection.query(statement)

    async def same(finished):
        for step, points in wanted.items():
            store.asked.clear()
            found = values(await ask_history(store, "latency_p95", T0, END, step=step))
            assert found == points
            assert asked_of(store, "_finished FINAL") == (finished and step != "1h")
            assert asked_of(store, "FROM rollup_requests_15m") == (finished and step == "1h")

    await same(finished=False)
    await maintain(store, QUARTERS)
    await same(finished=True)


async def test_a_switch_to_summer_time_cuts_days_right(store):
    """Berlin's 29 March has 23 hours: its requests are counted into that day, from quarters as from raw rows."""
    at = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
    store.insert("otel_traces", [span(at + timedelta(minutes=30 * n)) for n in range(50)])
    start, end = datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC)
    for _ in range(2):
        answer = await ask_history(store, "request_rate", start, end, step="1d", tz="Europe/Berlin")
        (series,) = answer.series
        lengths = [24 * 3600, 23 * 3600, 24 * 3600]
        counts = [round(value * seconds) for (_, value), seconds in zip(series.points, lengths, strict=True)]
        assert counts == [1, 46, 3]
        await maintain(store, now=end + timedelta(hours=1))
    assert answer.source == "rollup_15m"
