"""Whether labels have come as far as they ever will: the curve, and what follows from it."""

import math
import random
from collections import Counter

import pytest

from services.monitoring_api.queries.maturity import (
    NO_LABELS,
    NO_PREDICTION,
    NOT_WATCHED,
    TOO_FEW,
    ArrivalCurve,
    arrival_curve,
    bin_end,
    maturity,
)
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

HOUR = 3600
DAY = 24 * HOUR
# Half of the labels after an hour, all that come (80 %) after two, watched for ten days.
CURVE = ArrivalCurve(((0.0, 0.0), (HOUR, 0.4), (2 * HOUR, 0.8), (10 * DAY, 0.8)), 1000, 800)
NOW = 100 * DAY


def _bin(seconds):
    return math.floor(4 * math.log2(max(seconds, 1)))


def _span(start, end):
    return TimeRange(start * NANOSECONDS, end * NANOSECONDS)


def _mature(parts, labels=None, curve=CURVE):
    return maturity(curve, parts, NOW * NANOSECONDS, labels=labels)


def test_where_all_are_old_enough_it_is_the_plain_share():
    """Of 100 predictions 60 labels within 2 s and 30 more within 8 s: 0.6 and 0.9, and 0.9 in the end."""
    curve = arrival_curve({_bin(1.5): 60, _bin(7): 30}, {_bin(DAY): 10})
    assert curve is not None
    assert curve.at(bin_end(_bin(1.5))) == pytest.approx(0.6)
    assert curve.at(bin_end(_bin(7))) == pytest.approx(0.9)
    assert curve.final == pytest.approx(0.9)
    assert (curve.predictions, curve.labels, curve.is_settled) == (100, 90, True)


def test_where_nobody_waits_the_end_is_known():
    """All of them got a label after two hours: that is all there is to come."""
    curve = arrival_curve({_bin(2 * HOUR): 600}, {_bin(60): 50})
    assert curve is not None
    assert (curve.final, curve.is_settled) == (1, True)


def test_who_is_too_young_counts_for_as_long_as_it_was_watched():
    """1,000 old ones of which half got a label after an hour, and 1,000 made just now: still a half, not a quarter."""
    curve = arrival_curve({_bin(HOUR): 500}, {_bin(10 * DAY): 500, _bin(60): 1000})
    assert curve is not None
    assert curve.final == pytest.approx(0.5)
    assert curve.at(60) == 0


def test_it_is_right_with_predictions_of_every_age():
    """Delays of 6 h on average, 5 % without a label, asked at a random age: within 2 % of the truth at every age."""
    draw = random.Random(7)
    arrived, waiting = Counter(), Counter()
    for _ in range(40_000):
        age = draw.uniform(0, 10 * DAY)
        delay = draw.expovariate(1 / (6 * HOUR)) if draw.random() < 0.95 else math.inf
        (arrived if delay <= age else waiting)[_bin(min(delay, age))] += 1
    curve = arrival_curve(arrived, waiting)
    assert curve is not None
    assert curve.is_settled
    for hours in (1, 3, 6, 12, 24, 72):
        assert curve.at(hours * HOUR) == pytest.approx(0.95 * (1 - math.exp(-hours / 6)), abs=0.02)
    assert curve.final == pytest.approx(0.95, abs=0.01)


def test_labels_that_still_come_tell_no_end():
    """Watched for 3 h while labels take up to 10: how many come is not known, and nothing is mature."""
    arrived = Counter(_bin(10 * HOUR * n / 1000) for n in range(300))
    curve = arrival_curve(arrived, {_bin(3 * HOUR): 700})
    assert curve is not None
    assert not curve.is_settled
    assert _mature([(_span(NOW - 3 * HOUR, NOW - 2 * HOUR), 1)], curve=curve).reason == NOT_WATCHED


def test_one_old_prediction_does_not_tell_what_becomes_of_the_young():
    """A single prediction of two months among thousands of an hour: the curve ends after the hour."""
    curve = arrival_curve({_bin(1800): 300}, {_bin(HOUR): 3000, _bin(60 * DAY): 1})
    assert curve is not None
    assert curve.watched_seconds < 2 * HOUR


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (None, TOO_FEW),
        (arrival_curve({}, {_bin(DAY): 1000}), NO_LABELS),
        (arrival_curve({_bin(5): 10}, {}), TOO_FEW),
        (arrival_curve({}, {}), TOO_FEW),
    ],
)
def test_where_nothing_is_known_nothing_is_mature(curve, reason):
    """The reason says what is missing."""
    found = _mature([(_span(NOW - 90 * DAY, NOW - 89 * DAY), 1)], curve=curve)
    assert (found.mature, found.expected_now, found.expected_finally, found.reason) == (False, None, None, reason)


def test_between_points_it_grows_evenly():
    """After half an hour a fifth; made evenly over the last two hours, the mean of a triangle."""
    assert CURVE.at(HOUR / 2) == pytest.approx(0.2)
    assert CURVE.at(-5) == 0
    assert CURVE.at(99 * DAY) == 0.8
    assert CURVE.mean(0, 2 * HOUR) == pytest.approx(0.4)
    assert CURVE.mean(HOUR, 3 * HOUR) == pytest.approx((0.6 + 0.8) / 2)
    assert CURVE.mature_seconds == pytest.approx(1.9 * HOUR)


def test_a_bucket_is_mature_when_nearly_all_labels_are_expected():
    """An hour's predictions: 90 minutes after its end not yet, two hours after it all labels that come are there."""
    young = _mature([(_span(NOW - 2.5 * HOUR, NOW - 1.5 * HOUR), 1)])
    assert not young.mature
    # From 1.5 h to 2 h it grows from 0.6 to 0.8, and stays there for another half hour.
    assert young.expected_now == pytest.approx(0.75)
    assert young.expected_finally == 0.8
    assert young.reason == "by now 94% of the labels that are expected come; 95% make it mature"
    old = _mature([(_span(NOW - 3 * HOUR, NOW - 2 * HOUR), 1)])
    assert (old.mature, old.expected_now, old.reason) == (True, 0.8, None)


def test_a_bucket_that_has_not_ended_counts_up_to_now():
    """What is made from now on is not expected to have labels, nor counted."""
    assert _mature([(_span(NOW - HOUR, NOW + HOUR), 1)]).expected_now == pytest.approx(0.2)


def test_of_a_long_range_each_part_counts_by_its_predictions():
    """A month with one immature hour is mature; where most was predicted in that hour it is not."""
    month, hour = _span(NOW - 30 * DAY, NOW - HOUR), _span(NOW - HOUR, NOW)
    assert _mature([(month, 1000), (hour, 10)]).mature
    found = _mature([(month, 10), (hour, 1000)])
    assert not found.mature
    assert found.expected_now == pytest.approx((10 * 0.8 + 1000 * 0.2) / 1010, rel=1e-3)
    assert _mature([(month, 0)]).reason == NO_PREDICTION


def test_labels_that_ought_to_be_there_are_missed():
    """By its age a bucket is mature, but a tenth has labels: late. A little fewer than expected is chance."""
    bucket = [(_span(NOW - 4 * HOUR, NOW - 3 * HOUR), 100)]
    late = _mature(bucket, labels=10)
    assert not late.mature
    assert late.reason == "labels are late: 10% of the predictions have one, 80% are to be expected by now"
    assert _mature(bucket, labels=75).mature


def test_labels_are_not_awaited_for_ever():
    """Three times as long as it takes 95 % of them to come they are late; then the bucket simply has fewer."""
    assert _mature([(_span(NOW - 8 * HOUR, NOW - 7 * HOUR), 100)], labels=10).mature
