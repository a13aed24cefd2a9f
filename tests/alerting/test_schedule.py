"""Slots on the clock, and what an outage left out: made up for in order, with its own time, within limits."""

import asyncio
import logging
import math

import pytest
import sqlalchemy as sa
import yaml

from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.replay import MeasureSlots
from services.monitoring_api.alerting.rules import RuleGroup
from services.monitoring_api.alerting.slots import keep_slots, read_slot, read_slots, write_slot
from services.monitoring_api.alerting.store import alert_events, read_alerts
from services.monitoring_api.notify.notification_file import NotificationFile
from services.monitoring_api.worker.recording import Recorder
from services.monitoring_api.worker.rounds import Round
from services.monitoring_api.worker.schedule import Due, Schedule, UnansweredError, due, slot_before
from services.monitoring_api.worker.store import Store

HOUR = 3600.0
DAY = 24 * HOUR
START = 1_772_445_600.0
INTERVAL = 600.0


class SimulatedClock:
    """A time that only sleeping moves, at some pace, and that ends the worker when it is over."""

    def __init__(self, now, until, pace=1):
        self.now = now
        self.until = until
        self.pace = pace

    def __call__(self):
        """The time."""
        return self.now

    async def sleep(self, seconds):
        """Time passes at once."""
        await asyncio.sleep(0)
        self.now += seconds * self.pace
        if self.now > self.until:
            raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (START, START, Due()),
        (START, START + 14.9, Due()),
        (START, START + 15, Due((START + 15,))),
        (START, START + 50, Due((START + 15, START + 30, START + 45))),
        (START - 7, START + 1, Due((START,))),
        (START, START + 100, Due((START + 45, START + 60, START + 75, START + 90), skipped=2)),
        (START, START + 7200, Due(tuple(START + 7140 + 15 * n for n in range(5)), skipped=475)),
        (START + 30, START, Due()),
    ],
)
def test_slots_that_are_due(last, now, expected):
    """Every slot after the last one up to now, in order; those of more than a minute ago are left out and counted."""
    assert due(last, 15.0, now, replay_seconds=60.0) == expected


def test_many_slots_come_in_parts():
    """At most so many at once; the others are due next."""
    found = due(START, 15.0, START + DAY, replay_seconds=DAY, most=100)
    assert found == Due(tuple(START + 15 * (n + 1) for n in range(100)))
    assert due(found.slots[-1], 15.0, START + DAY, replay_seconds=DAY, most=100).slots[0] == found.slots[-1] + 15


@pytest.mark.parametrize("interval", [0.1, 0.3, 7.0, 15.0, 86_400.0])
def test_slots_are_the_same_for_everybody(interval):
    """Multiples of the interval, each once, also where it is no whole number."""
    begun = slot_before(START, interval)
    slots = due(begun, interval, START + 50 * interval, replay_seconds=1e9).slots
    assert [round(slot / interval) for slot in slots] == [round(begun / interval) + n + 1 for n in range(len(slots))]
    assert all(due(slot, interval, slot, replay_seconds=1e9) == Due() for slot in slots)
    assert all(slot_before(slot, interval) == slot for slot in slots)


def looked_at(clock, last, *, failing=lambda _slots, _patient: None, replay_seconds=DAY, interval=INTERVAL):
    """Every slot that a schedule looks at until the clock is over, as it asks for them, each with the time."""
    seen = []

    async def look(slots, *, patient):
        error = failing(slots, patient)
        if error is not None:
            raise error
        seen.append((clock.now, slots))

    schedule = Schedule("g", interval, look, clock=clock, sleep=clock.sleep, replay_seconds=replay_seconds)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(schedule.run(last))
    return seen


def test_a_new_group_misses_nothing():
    """Without a last slot the first look is at the next one, when it has come."""
    seen = looked_at(SimulatedClock(START + 5, START + 4 * INTERVAL), None)
    assert [slots for _, slots in seen] == [(START + n * INTERVAL,) for n in (1, 2, 3, 4)]
    assert all(slots[0] <= at < slots[0] + 1 for at, slots in seen)


def test_what_was_missed_comes_first_and_in_order():
    """After an outage all missed slots are looked at before the clock moves on."""
    seen = looked_at(SimulatedClock(START + DAY, START + DAY + 3 * INTERVAL), START)
    flat = [slot for _, slots in seen for slot in slots]
    assert flat == [START + n * INTERVAL for n in range(1, len(flat) + 1)]
    assert [at for at, slots in seen if slots[-1] <= START + DAY] == [START + DAY]
    assert len(flat) == DAY / INTERVAL + 3


def test_what_is_too_long_ago_is_left_out_and_logged(caplog):
    """The log says how many slots, and which setting decides."""
    with caplog.at_level(logging.WARNING):
        seen = looked_at(SimulatedClock(START + DAY, START + DAY + 1), START, replay_seconds=HOUR)
    assert seen[0][1][0] == START + DAY - HOUR
    assert f"the {int((DAY - HOUR) / INTERVAL) - 1} after it are too long ago" in caplog.text
    assert "SIGHTGLASS_WORKER_REPLAY_SECONDS=3600" in caplog.text


def test_a_clock_that_is_set_back_keeps_working(caplog):
    """Looks go on from the present, and a small step back only waits."""
    clock = SimulatedClock(START, START + 10 * INTERVAL)
    steps = iter([(START + 3 * INTERVAL, -5.0), (START + 6 * INTERVAL, -DAY)])
    when, step = next(steps)
    seen = []

    async def look(slots, *, patient):
        del patient
        nonlocal when, step
        seen.extend(slots)
        if slots[-1] >= when:
            clock.now += step
            clock.until = clock.now + 3.5 * INTERVAL
            when, step = next(steps, (math.inf, 0.0))

    schedule = Schedule("g", INTERVAL, look, clock=clock, sleep=clock.sleep, replay_seconds=DAY)
    clock.until = START + 20 * INTERVAL
    with caplog.at_level(logging.WARNING), pytest.raises(asyncio.CancelledError):
        asyncio.run(schedule.run(None))
    numbers = [round((slot - START) / INTERVAL) for slot in seen]
    back = round(DAY / INTERVAL)
    assert numbers == [1, 2, 3, 4, 5, 6, 7 - back, 8 - back, 9 - back]
    assert "set back" in caplog.text


def test_a_clock_that_stood_still_and_jumps_is_made_up_for():
    """A machine that slept for two hours looks at these hours' slots, in their order."""
    clock = SimulatedClock(START, START + 2 * HOUR + 5 * INTERVAL)
    plain = clock.sleep

    async def sleep(seconds):
        await plain(seconds + (2 * HOUR if START + 2 * INTERVAL < clock.now < START + 3 * INTERVAL else 0))

    clock.sleep = sleep
    flat = [slot for _, slots in looked_at(clock, None) for slot in slots]
    assert flat == [START + n * INTERVAL for n in range(1, len(flat) + 1)]


def test_a_look_that_fails_is_made_again_and_then_left_out():
    """A store that can't be written for a moment loses no slot; a look that never succeeds holds up nothing."""
    tries = {}

    def once(slots, _patient):
        tries[slots] = tries.get(slots, 0) + 1
        return OSError("disk full") if tries[slots] < 3 else None

    seen = looked_at(SimulatedClock(START, START + 3 * INTERVAL), None, failing=once)
    assert [slots for _, slots in seen] == [(START + n * INTERVAL,) for n in (1, 2)]

    def poisoned(slots, _patient):
        return ValueError("bug") if START + 2 * INTERVAL in slots else None

    seen = looked_at(SimulatedClock(START, START + 3 * INTERVAL + 60), None, failing=poisoned)
    assert [slots for _, slots in seen] == [(START + INTERVAL,), (START + 3 * INTERVAL,)]


def test_missed_slots_wait_for_clickhouse_after_a_start_and_not_for_ever():
    """A worker that is up before ClickHouse is loses no slot; after two minutes it records that there is no answer."""
    up = START + DAY + 30

    def until_up(slots, patient):
        return UnansweredError("down") if patient and len(slots) > 1 and clock.now < up else None

    clock = SimulatedClock(START + DAY, START + DAY + INTERVAL)
    seen = looked_at(clock, START, failing=until_up)
    assert seen[0][0] >= up
    assert seen[0][1][0] == START + INTERVAL
    clock = SimulatedClock(START + DAY, START + DAY + 2 * INTERVAL)
    seen = looked_at(clock, START, failing=lambda _slots, patient: UnansweredError("down") if patient else None)
    assert START + DAY + 120 <= seen[0][0] < START + DAY + 125


RULES = RuleGroup.model_validate(
    yaml.safe_load("""
name: g
rules:
  - {alert: Quick, metric: error_ratio, condition: "> 0.5", group_by: [route], for: 1h}
  - {alert: Slow, metric: latency_p95, condition: "> 0.5", resolve_condition: "< 0.3", for: 30m, keep_firing_for: 20m,
     minimum_count: 5, no_data: alert}
  - {alert: Gone, metric: request_rate, absent: true, for: 20m, annotations: {summary: "{{ alertname }} {{ value }}"}}
  - {alert: Broken, metric: score_mean, condition: "> 0.9", error_for: 30m, no_data: keep}
""")
)


def figure(question, slot):
    """A figure for every slot: waves, gaps, groups that come and go, failures and windows that are incomplete."""
    turn = slot / HOUR
    if question.metric == "score_mean" and math.sin(turn / 3) > 0.8:
        return "ClickHouse can't be reached"
    if question.group_by:
        routes = ["/a"] + ["/b"] * (math.sin(turn / 2) > 0)
        return [
            Reading({"route": route}, 0.5 + 0.5 * math.sin(turn * (2 + len(route) * n)), 10)
            for n, route in enumerate(routes)
        ]
    wave = 0.5 + 0.5 * math.sin(turn * (1 + len(question.metric) % 5))
    if question.metric == "request_rate":
        return [Reading({}, 0.0 if wave < 0.2 else wave, 0 if wave < 0.2 else 100)]
    if 0.60 < wave < 0.65:
        return [Reading({}, 0.0, 1, complete=False)]
    return [Reading({}, None if wave < 0.05 else wave, 0 if wave < 0.05 else 1 + int(20 * wave))]


async def measure(questions, slot):
    """Answers any slot, whenever it is asked."""
    return {question: figure(question, slot) for question in questions}


async def measure_slots(questions, slots):
    """The same for several."""
    return [await measure(questions, slot) for slot in slots]


def worked(folder, *spells, at_once: MeasureSlots | None = measure_slots):
    """The history and the states after a worker ran in these spells, each from a time to a time."""
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'alerts.sqlite'}")
    store.create()
    recorder = Recorder(NotificationFile.model_validate({"channels": [{"name": "a", "type": "log"}]}), "")
    for begins, ends in spells:
        clock = SimulatedClock(begins, ends, pace=30)
        rounds = Round(store, measure, 10.0, clock=clock, measure_slots=at_once)

        async def look(slots, *, patient, rounds=rounds):
            await rounds.run(RULES, INTERVAL, recorder, slots, patient=patient)

        async def work(look=look, clock=clock):
            schedule = Schedule("g", INTERVAL, look, clock=clock, sleep=clock.sleep, replay_seconds=DAY)
            await schedule.run(await store(lambda connection: read_slot(connection, "g")))

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(work())

    def read(connection):
        columns = [column for column in alert_events.c if column.name != "id"]
        order = (alert_events.c.fingerprint, alert_events.c.id)
        events = [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*order))]
        return events, read_alerts(connection), read_slots(connection)

    found = asyncio.run(store(read))
    store.close()
    return found


def test_a_day_without_a_worker_leaves_no_trace(tmp_path, caplog):
    """A worker that was away for 24 hours comes to the transitions, states and times of one that never stopped."""
    caplog.set_level(logging.ERROR)
    end = START + 34 * HOUR
    events, alerts, slots = worked(tmp_path / "never", (START, end))
    assert len(events) > 60
    assert {event[2] for event in events} == {"pending", "cancelled", "fired", "resolved", "failing", "recovered"}
    away = worked(tmp_path / "away", (START, START + 5 * HOUR), (START + 29 * HOUR, end))
    assert away == (events, alerts, slots)
    assert slots == {"g": end}


def test_without_a_way_to_ask_for_many_slots_each_is_asked_for(tmp_path, caplog):
    """The outcome is the same."""
    caplog.set_level(logging.ERROR)
    spells = ((START, START + HOUR), (START + 4 * HOUR, START + 5 * HOUR))
    assert worked(tmp_path / "one", *spells, at_once=None) == worked(tmp_path / "many", *spells)


def test_a_slot_is_kept_with_the_states_it_made(tmp_path, monkeypatch):
    """When recording fails nothing of it is kept, so that the slot is looked at again."""
    store = Store(f"sqlite:///{tmp_path / 'alerts.sqlite'}")
    store.create()
    recorder = Recorder(NotificationFile(), "")
    rounds = Round(store, measure, 10.0, clock=lambda: START)

    def broken(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("services.monitoring_api.worker.rounds.write_slot", broken)
        with pytest.raises(OSError, match="disk full"):
            asyncio.run(rounds.run(RULES, INTERVAL, recorder, [START]))
    assert asyncio.run(store(lambda connection: (read_alerts(connection), read_slot(connection, "g")))) == ([], None)
    asyncio.run(rounds.run(RULES, INTERVAL, recorder, [START]))
    assert asyncio.run(store(lambda connection: read_slot(connection, "g"))) == START
    store.close()


def test_a_group_that_left_begins_anew(tmp_path):
    """Its last slot is forgotten, so that its return replays nothing."""
    store = Store(f"sqlite:///{tmp_path / 'alerts.sqlite'}")
    store.create()

    def work(connection):
        for name in ("a", "b"):
            write_slot(connection, name, START)
        keep_slots(connection, ["b", "c"])
        return read_slots(connection)

    assert asyncio.run(store(work)) == {"b": START}
    store.close()
