"""Backtests are the worker's evaluation over history, within limits, and their firings are graded by labels."""

import asyncio
import math
from collections import Counter

import pytest

from services.monitoring_api.alerting.backtest import (
    MOST_LOOKS,
    MOST_POINTS,
    Backtest,
    FiringSpan,
    NoAnswerError,
    TooManyLooksError,
    backtest,
    check_looks,
    slots_between,
    thinned,
    thinning,
)
from services.monitoring_api.alerting.backtest_document import backtest_document
from services.monitoring_api.alerting.backtester import Graded
from services.monitoring_api.alerting.bad_when import BadWhen, default, stated
from services.monitoring_api.alerting.condition import Condition
from services.monitoring_api.alerting.grading import Episode, Firing, Verdict, grade
from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.alerting.models import Health
from services.monitoring_api.alerting.rules import Rule
from tests.alerting.test_schedule import HOUR, INTERVAL, RULES, START, measure_slots, worked

END = START + 34 * HOUR


def run(rule, start=START, end=END, measure=measure_slots, interval=INTERVAL):
    """A backtest."""
    return asyncio.run(backtest(rule, start, end, measure, interval_seconds=interval))


def test_a_backtest_gives_the_transitions_of_a_worker(tmp_path):
    """Of the same hours, rule by rule: kinds, times, figures, causes and errors."""
    events, alerts, _ = worked(tmp_path / "live", (START, END))
    # A worker that starts looks at the next slot first.
    tests = [run(rule, START + INTERVAL, END + 1) for rule in RULES.rules]
    told = {
        (alert.fingerprint, test.rule.alert, str(event.kind), event.at, event.value, str(event.cause), event.error)
        for test in tests
        for alert in test.alerts
        for event in alert.events
    }
    assert told == set(events)
    assert len(told) == len(events) > 60
    firing = {alert.fingerprint for alert in alerts if str(alert.state.status) == "firing"}
    open_ = {alert.fingerprint for test in tests for alert in test.alerts for span in alert.firing if not span.ended_at}
    assert open_ == firing


def waves(values, **given):
    """A rule, and a measure that gives it a figure for each slot from 0 on."""
    rule = Rule.model_validate({"alert": "A", "metric": "error_ratio", "condition": "> 0.5", **given})

    async def measure(questions, slots):
        return [{question: [Reading({}, values[int(slot)], 10)] for question in questions} for slot in slots]

    return rule, measure


def test_a_timeline_is_ready_for_a_chart():
    """Points for every look, spans with their worst figure, transitions, and how looks went."""
    rule, measure = waves([0, 0.6, 0.9, 0.1, 0, None, 0.7], **{"for": "1s"})
    found = run(rule, 0.0, 7.0, measure, interval=1.0)
    (alert,) = found.alerts
    assert alert.points == [(0, 0), (1, 0.6), (2, 0.9), (3, 0.1), (4, 0), (5, None), (6, 0.7)]
    assert alert.firing == [FiringSpan(2, 3, 0.9)]
    assert [(str(event.kind), event.at) for event in alert.events] == [
        ("pending", 1),
        ("fired", 2),
        ("resolved", 3),
        ("pending", 6),
    ]
    assert found.health == Counter({Health.OK: 6, Health.NO_DATA: 1})
    assert alert.pending == [(1, 2), (6, None)]
    document = backtest_document(Graded(found, None, "no labels"))
    assert (document["looks"], document["fired"], document["firing_seconds"]) == (7, 1, 1)
    assert (document["condition"], document["threshold"], document["unit"]) == ("> 0.5", 0.5, "1")
    assert document["step_seconds"] == 1
    (shown,) = document["series"]
    assert shown["points"][1] == [1, 0.6]
    assert shown["firing"] == [
        {
            "from": "1970-01-01T00:00:02.000Z",
            "to": "1970-01-01T00:00:03.000Z",
            "value": 0.9,
            "cause": "condition",
            "verdict": None,
            "lead_seconds": None,
        }
    ]
    assert [(span["from"][17:19], span["to"] and span["to"][17:19]) for span in shown["pending"]] == [
        ("01", "02"),
        ("06", None),
    ]
    assert (document["grade"], document["ungraded"]) == (None, "no labels")


def test_many_points_are_thinned_and_no_breach_is_lost():
    """Of points that fall together the worst is kept, whichever side is bad."""
    points = [(float(n), 0.001 * (n % 7)) for n in range(50_000)]
    points[31_234] = (31_234.0, 9.0)
    points[41_234] = (41_234.0, -9.0)
    points[5] = (5.0, None)
    size = thinning(len(points))
    above = thinned(points, Condition(">", 0.5), size)
    assert len(above) <= MOST_POINTS
    assert (31_234.0, 9.0) in above
    assert (41_234.0, -9.0) in thinned(points, Condition("<", 0.5), size)
    assert thinned(points[:100], None, thinning(100)) == points[:100]


def test_a_range_that_takes_too_many_looks_is_refused_with_one_that_would_do(monkeypatch):
    """The message names the range and the interval."""
    week = 7 * 24 * HOUR
    assert check_looks(START, START + week, 15) == week / 15
    with pytest.raises(TooManyLooksError) as caught:
        check_looks(START, START + 4 * week, 15)
    assert str(caught.value) == (
        "161,280 looks are too many (45,000 are the most): with looks every 15s a range of 7d19h30m would do, or an "
        "interval of 1m"
    )
    assert check_looks(START, START + 4 * week, 60) <= MOST_LOOKS
    assert check_looks(START, START + MOST_LOOKS * 15, 15) == MOST_LOOKS

    async def crowd(questions, slots):
        groups = [Reading({"route": str(n)}, 0.1) for n in range(100)]
        return [dict.fromkeys(questions, groups) for _ in slots]

    rule = Rule.model_validate({"alert": "A", "metric": "error_ratio", "group_by": ["route"], "condition": "> 0.5"})
    monkeypatch.setattr("services.monitoring_api.alerting.backtest.MOST_STEPS", 2_000)
    with pytest.raises(TooManyLooksError, match=r"100 alerts in each of so many looks .* a range of 20s would do"):
        run(rule, 0.0, 1000.0, crowd, interval=1.0)


def test_no_answer_is_no_backtest():
    """While ClickHouse is down nothing is known, which is not 'would not have fired'."""

    async def down(questions, slots):
        return [dict.fromkeys(questions, "ClickHouse can't be reached") for _ in slots]

    with pytest.raises(NoAnswerError, match="can't be reached"):
        run(waves([])[0], 0.0, 10.0, down, interval=1.0)


def test_slots_of_a_range_leave_its_end_out():
    """Ranges are half-open."""
    assert list(slots_between(0.0, 30.0, 15.0)) == [0.0, 15.0]
    assert list(slots_between(1.0, 31.0, 15.0)) == [15.0, 30.0]
    assert list(slots_between(1.0, 2.0, 15.0)) == []


BAD = stated(BadWhen(metric="accuracy", condition="< 0.7", window="1h"), (), ())
T = True
F = False


def graded(truth, *firings, delay=None):
    """Firings from and to, in hours, against one labelled look an hour from 1 on."""
    spans = [Firing((), begin * HOUR, end * HOUR) for begin, end in firings]
    return grade(BAD, spans, {(): [((n + 1) * HOUR, bad) for n, bad in enumerate(truth)]}, label_delay_seconds=delay)


@pytest.mark.parametrize(
    ("truth", "firings", "verdicts", "precision", "recall"),
    [
        ([F, F, T, T, F, F], [(2.5, 3)], ["right"], 1.0, 1.0),
        ([F, F, T, T, F, F], [(0.5, 0.8)], ["wrong"], 0.0, 0.0),
        ([F, F, T, T, F, F], [(0.5, 0.8), (2.1, 2.2), (3.5, 9)], ["wrong", "right", "right"], 2 / 3, 1.0),
        ([F, T, F, F, F, T], [(1.5, 1.6)], ["right"], 1.0, 0.5),
        ([F, None, None, F], [(1.5, 1.6), (3.2, 3.3)], ["unknown", "wrong"], 0.0, None),
        ([F, T, None, T, F], [(2.5, 2.6)], ["right"], 1.0, 1.0),
        ([None, None], [(0.5, 0.6)], ["unknown"], None, None),
        ([F, F, F], [], [], None, None),
        ([F, T, T], [], [], None, 0.0),
    ],
)
def test_firings_are_graded_by_what_labels_said(truth, firings, verdicts, precision, recall):
    """Right where they overlap with a bad time, wrong where all around is known to be fine, else unknown."""
    found = graded(truth, *firings)
    assert [str(each.verdict) for each in found.firings] == verdicts
    assert (found.precision, found.recall) == (precision, recall)


def test_lead_time_counts_to_when_labels_could_say_it():
    """From the first firing of a bad time to its first bad window, and the time that its labels take."""
    found = graded([F, F, F, T, T, F], (3.25, 3.5), (4.5, 4.6))
    assert found.episodes == (Episode((), 3 * HOUR, 4 * HOUR, 5 * HOUR, found=True),)
    assert [each.lead_seconds for each in found.firings] == [0.75 * HOUR, None]
    late = graded([F, F, F, T, T, F], (4.5, 4.6), delay=2 * HOUR)
    assert late.lead_seconds == 1.5 * HOUR
    assert late.label_delay_seconds == 2 * HOUR
    assert graded([F, T], (1.9, 2.1)).firings[0].verdict is Verdict.RIGHT


def test_groups_are_graded_apart():
    """One model's bad time makes no other's firing right."""
    truth = {("a",): [(HOUR, True)], ("b",): [(HOUR, False)]}
    found = grade(BAD, [Firing(("a",), 1000, 1100), Firing(("b",), 1000, 1100), Firing(("c",), 1, 2)], truth)
    assert [str(each.verdict) for each in found.firings] == ["right", "wrong", "unknown"]
    assert (found.known_share, found.precision, found.recall) == (1.0, 0.5, 1.0)


def test_what_bad_means_is_said():
    """Stated, or a tenth worse than before in the metric's own direction."""
    assert BAD.said == "accuracy over 1h < 0.7"
    loss = default("log_loss", 0.5, (), ())
    assert (loss.condition.comparison, math.isclose(loss.condition.threshold, 0.55)) == (">", True)
    assert loss.said == "log_loss over 1d > 0.55: 10% worse than 0.5, that of the 28d before"
    assert default("accuracy", 0.8, (), ()).condition.holds(0.71)
    with pytest.raises(ValueError, match="no metric that labels make; there are: accuracy"):
        BadWhen(metric="error_ratio", condition="> 1")


def test_a_rule_may_say_what_bad_means():
    """In its file."""
    rule = Rule.model_validate(
        {
            "alert": "A",
            "metric": "score_mean",
            "condition": "> 0.5",
            "bad_when": {"metric": "accuracy", "condition": "< 70%", "window": "12h"},
        }
    )
    assert rule.bad_when == BadWhen(metric="accuracy", condition="< 0.7", window="12h")


def test_an_answer_holds_the_alerts_that_fired():
    """Of many alerts those come first; their number is told."""
    rule = Rule.model_validate({"alert": "A", "metric": "error_ratio", "group_by": ["route"], "condition": "> 0.5"})

    async def crowd(questions, slots):
        groups = [Reading({"route": f"{n:03}"}, 0.9 if n == 77 else 0.1) for n in range(100)]
        return [dict.fromkeys(questions, groups) for _ in slots]

    found: Backtest = run(rule, 0.0, 5.0, crowd, interval=1.0)
    document = backtest_document(Graded(found, None, None))
    assert (document["alerts"], len(document["series"])) == (100, 50)
    assert document["series"][0]["labels"]["route"] == "077"
