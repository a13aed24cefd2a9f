"""The demo's one time compression."""

from datetime import datetime, timedelta

import pytest

from services.cli.demo.clock import ANCHOR, COMPRESSION, HEAD_START_SECONDS, SERVING_END, SERVING_START, FlightClock

START = 1_700_000_000.0
CLOCK = FlightClock(START)


def test_the_first_start_is_the_anchor():
    """The first start shows 8 December 2013, midnight, and an hour later a flight day has passed."""
    assert CLOCK.flight_time(START) == (ANCHOR, 0)
    assert CLOCK.flight_time(START + 3600) == (ANCHOR + timedelta(days=1), 0)


def test_a_demo_starts_in_the_morning():
    """With its head start, the demo shows eight o'clock when it begins: flights leave from the first minute on."""
    assert CLOCK.flight_time(START + HEAD_START_SECONDS) == (ANCHOR + timedelta(hours=8), 0)


def test_two_days_of_backfill_are_48_flight_days():
    """What lies two days before the first start is 21 October: served months only."""
    assert CLOCK.flight_time(START - 2 * 86_400) == (datetime(2013, 10, 21), 0)


def test_after_december_it_goes_on_at_october():
    """24 flight days after the anchor the year ends; the next cycle begins on 1 October."""
    assert CLOCK.flight_time(START + 24 * 3600) == (SERVING_START, 1)
    assert CLOCK.flight_time(START - 68 * 3600 - 3600) == (SERVING_END - timedelta(days=1), -1)


@pytest.mark.parametrize("seconds", [-200_000.0, -1.0, 0.0, 3_599.5, 86_400.0, 400_000.0])
def test_real_time_is_the_way_back(seconds):
    """Going to flight time and back is where one started, in every cycle."""
    flight_time, cycle = CLOCK.flight_time(START + seconds)
    assert CLOCK.real_time(flight_time, cycle) == pytest.approx(START + seconds, abs=1e-3)


def test_windows_cover_a_stretch_without_gap_or_overlap():
    """A stretch over the turn of the year is two windows that meet there, as long together as the stretch."""
    start, end = START + 23 * 3600, START + 25 * 3600
    windows = list(CLOCK.windows(start, end))
    assert [window.cycle for window in windows] == [0, 1]
    assert windows[0].end == SERVING_END
    assert windows[1].start == SERVING_START
    shown = sum((window.end - window.start for window in windows), timedelta())
    assert shown.total_seconds() == pytest.approx((end - start) * COMPRESSION)


def test_an_empty_stretch_has_no_window():
    """From equal to or after the end, nothing is shown."""
    assert list(CLOCK.windows(START, START)) == []
    assert list(CLOCK.windows(START + 1, START)) == []
