"""A look at the past counts what was known then: labels that came later, and corrections, change nothing of it."""

import asyncio
import math
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from services.monitoring_api.alerting.backtest import backtest
from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.evaluation import advance, ask, look
from services.monitoring_api.alerting.replay import ask_slots, follow
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.known_slides import KnownSlides
from services.monitoring_api.queries.slots import Slots, measure_slots
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.monitoring_api.queries.watermark import Watermark
from services.monitoring_api.queries.windows import Window, measure_windows
from tests.monitoring_api.store import T0, label, prediction, text

pytestmark = pytest.mark.anyio
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
METRICS = [name for name, metric in CATALOGUE.items() if metric.source.name == "outcomes"]


def came(at, name, value, *, observed=None, **more):
    """A label that the store got at a time, one second after it was said."""
    return label(observed or at, name, value, Timestamp=text(at), ArrivedAt=text(at), **more)


def mixed(chance):
    """Predictions of two hours; labels late, corrected, out of order or replayed, and predictions that came late."""
    rows, told = [], []
    for number in range(300):
        at, name = T0 + chance.random() * 2 * HOUR, f"k{number}"
        late = chance.choice([SECOND] * 5 + [20 * SECOND, 5 * MINUTE])
        score = round(chance.random(), 2)
        given = {"prediction_id": name, "score": score, "version": chance.choice(["v1", "v2"])}
        replayed = number % 10 == 0
        if replayed:
            given["attributes"] = {"ml.replayed": "true"}
            late = 30 * HOUR
        rows.append(prediction(at, ArrivedAt=text(at + late), **given))
        versions = []
        for _ in range(chance.choice([0, 1, 1, 2, 3])):
            arrives = at + chance.random() * HOUR
            observed = arrives - chance.random() * HOUR / 2
            value = chance.choice(["late", "on_time"])
            row = came(arrives, name, value, observed=observed)
            if replayed:
                said = {} if chance.random() < 0.5 else {"ml.label.arrived_at": arrives.isoformat()}
                row = {**row, "ArrivedAt": text(at + 31 * HOUR)}
                row["LogAttributes"] |= {"ml.replayed": "true", **said}
                arrives = arrives if said else observed
            versions.append((arrives, observed, value))
            rows.append(row)
        told.append((at, at if replayed else at + late, (score >= 0.5), versions))
    return rows, told


def by_hand(told, start, end, as_of):
    """Label coverage and accuracy of a window as they were known at a time."""
    made = [each for each in told if start <= each[0] < end and each[1] <= as_of + 30 * SECOND]
    right = []
    for _, _, positive, versions in made:
        there = [version for version in versions if version[0] <= as_of]
        if there:
            right.append(max(there, key=lambda version: version[1])[2] == ("late" if positive else "on_time"))
    coverage = len(right) / len(made) if made else None
    return coverage, (sum(right) / len(right) if len(right) >= 20 else None)


@pytest.mark.parametrize(
    ("window", "interval"), [(10 * MINUTE, MINUTE), (HOUR, 7 * MINUTE), (25 * MINUTE, 12 * MINUTE)]
)
async def test_each_slot_counts_what_was_known_by_then(store, window, interval):
    """Every metric of labels, many slots in one statement: as by hand, and as slot by slot."""
    rows, told = mixed(random.Random(3))
    store.insert("otel_logs", rows)
    first = T0 + 20 * MINUTE
    count = min(30, int(2 * HOUR / interval))
    span = TimeRange(epoch_ns(first - window), epoch_ns(first))
    asked = [Window(name, span, (), by) for name in METRICS for by in ((), ("model_version",))]
    common = {"mark": Watermark(), "curves": SharedCurves(60), "places": asyncio.Semaphore(4)}
    slots = Slots(epoch_ns(first), round(interval.total_seconds()) * NANOSECONDS, count)
    store.asked.clear()
    found = dict(zip(asked, await measure_slots(store, asked, slots, **common), strict=True))
    assert sum("Slide" in query.sql for query in store.asked) == 2, "one statement for each set of groups"
    exact = sum("arrayJoin(range" in query.sql for query in store.asked)
    assert exact == 2 * math.ceil(count / 16), "and for sixteen slots, of areas under curves and the like"
    checked = 0
    for number in range(count):
        at = first + number * interval
        coverage, accuracy = by_hand(told, at - window, at, at)
        for name, expected in (("label_coverage", coverage), ("accuracy", accuracy)):
            ((answer,), *_) = (found[Window(name, span)][number:]) or [[]]
            assert answer.value == (None if expected is None else pytest.approx(expected)), (name, number)
            checked += expected is not None
    assert checked >= count
    for number in (0, count - 1):
        moved = TimeRange(slots.at_ns(number) + span.start_ns - span.end_ns, slots.at_ns(number))
        now = first + number * interval
        each = [replace(one, span=moved) for one in asked]
        alone = await measure_windows(store, each, now=now, as_of_ns=slots.at_ns(number), **common)
        for one, answer in zip(asked, alone, strict=True):
            mine = [(m.labels, m.count, math.nan if m.value is None else m.value) for m in found[one][number]]
            assert [each[:2] for each in mine] == [(m.labels, m.count) for m in answer], one
            values = [math.nan if m.value is None else m.value for m in answer]
            assert [each[2] for each in mine] == pytest.approx(values, rel=1e-9, nan_ok=True), one


async def test_a_row_is_counted_in_few_blocks(store):
    """Of a thousand windows any row of them is made of twenty blocks at most, which cover each of them once."""
    slides = KnownSlides(TimeRange(0, NANOSECONDS), NANOSECONDS, 1_000, 0)
    sql = f"""SELECT begin, end, count(), arraySort(arrayFlatten(groupArray({slides.windows})))
    FROM (
        SELECT begin, end, {slides.expression("at")} AS Bucket
        FROM (
            SELECT
                toInt64(number * 619 % 1000) AS begin, toInt64(begin + 1 + number * 367 % (1000 - begin)) AS end,
                fromUnixTimestamp64Nano(toInt64(999000000000)) AS at, toInt64(0) AS MadeUs,
                begin * 1000000 AS FromUs, end * 1000000 AS UntilUs
            FROM numbers(300)
        )
    )
    GROUP BY begin, end"""
    whole = {**slides.parameters(), "first_end_ns": 2**61}
    found = store.rows(sql, whole)
    assert len(found) == 300
    assert all(blocks <= 20 and windows == list(range(begin, end)) for begin, end, blocks, windows in found)


def transitions(events):
    """What happened to alerts, and when."""
    return [(str(event.kind), event.at, event.value) for event in events]


RULE = Rule.model_validate(
    {
        "alert": "WrongOften",
        "metric": "accuracy",
        "window": "10m",
        "offset": "20m",
        "filter": {"model": "flight-delay"},
        "condition": "< 0.7",
        "resolve_condition": "> 0.8",
        "for": "4m",
        "minimum_count": 5,
    }
)


def flights():
    """Five hours of predictions, nearly all labelled within minutes; those of an hour are corrected half an hour later.

    Of the fourth hour's first half the first labels say that all is well, and those that take their place that most was
    wrong; of its second half it is the other way round. Then many have no label for an hour.
    """
    rows = []
    chance = random.Random(8)
    for number in range(5 * 240):
        at, name = T0 + number * 15 * SECOND, f"f{number}"
        right, wrong = ("late", "on_time")
        rows.append((at + SECOND, prediction(at, prediction_id=name, score=0.9)))
        if number % 20 == 7:
            continue
        soon = at + chance.uniform(1, 10) * MINUTE
        minute = number // 4
        first = wrong if 210 <= minute < 240 and number % 5 < 3 else right
        if 250 <= minute < 270 and number % 5 < 2:
            soon += HOUR
            first = wrong
        rows.append((soon, came(soon, name, first)))
        if 180 <= minute < 240 and number % 5 < 3:
            later = soon + HOUR / 2
            rows.append((later, came(later, name, right if first == wrong else wrong)))
    return sorted(rows, key=lambda row: row[0])


async def test_a_backtest_and_a_replay_give_the_transitions_of_live_looks(store):
    """Where labels come late and are corrected: a worker sees what is there, a backtest what was there."""
    rows = flights()
    start, end = (T0 + 3 * HOUR).timestamp(), (T0 + 5 * HOUR).timestamp()
    slots = [start + 240.0 * number for number in range(30)]
    stored, live = {}, []
    for slot in slots:
        due = [row for at, row in rows if at.timestamp() <= slot]
        rows = rows[len(due) :]
        store.insert("otel_logs", due)
        measured = ClickHouseMeasure(store, delay_seconds=5, clock=lambda slot=slot: slot + 0.01)
        answers = await ask(RULE.questions(slot), measured, slot, timeout_seconds=60)
        looks = look(RULE, answers, [alert.labels for alert in stored.values()], slot)
        changes = advance(RULE, 240.0, looks, stored, slot)
        follow(stored, changes)
        live += [event for change in changes for event in change.events]
    store.insert("otel_logs", [row for _, row in rows])
    assert {"fired", "resolved", "failing", "recovered"} <= {str(event.kind) for event in live}, transitions(live)

    later = ClickHouseMeasure(store, delay_seconds=5, patience_seconds=0, clock=lambda: end + 100_000)
    (alert,) = (await backtest(RULE, start, end, later.over, interval_seconds=240.0)).alerts
    assert transitions(alert.events) == transitions(live)
    replayed = await ask_slots(RULE.questions(start), later.over, slots, timeout_seconds=60)
    for number in (10, 20):
        (mine,) = replayed[number].values()
        (single,) = (await later(RULE.questions(start), slots[number])).values()
        assert mine == single, "one slot that was missed is judged like many"
