"""Ranges of time."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.time_range import (
    PRESETS,
    STEPS,
    TimeRange,
    age,
    fitting_step,
    instant,
    utc_offset_seconds,
    zone_name,
    zone_of,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_relative_ends_count_back_from_now() -> None:
    """`now-24h` to `now` is the last day."""
    assert TimeRange().bounds(NOW) == (NOW - timedelta(days=1), NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00+01:00", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("1763892000", datetime(2025, 11, 23, 10, tzinfo=UTC)),
    ],
)
def test_absolute_ends_are_instants(text: str, moment: datetime) -> None:
    """RFC 3339 with any offset, and epoch seconds."""
    assert instant(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "now+1h", "now-1y", "tomorrow", "99999999999999", "now-9999999h", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    """What is no time raises ValueError and nothing else."""
    with pytest.raises(ValueError, match="is not a time"):
        instant(text, NOW)


def test_backwards_is_refused() -> None:
    """A range must end after it begins."""
    with pytest.raises(ValueError, match="before it begins"):
        TimeRange("now", "now-1h").bounds(NOW)


@pytest.mark.parametrize("start", PRESETS)
def test_a_chart_never_gets_more_points_than_pixels(start: str) -> None:
    """Every preset is drawn in a step with at most 750 points, and at least 60 where the steps allow."""
    begin, end = TimeRange(start).bounds(NOW)
    points = (end - begin).total_seconds() / STEPS[fitting_step(begin, end)]
    assert 60 <= points <= 750


def test_zones_are_named_with_their_offset() -> None:
    """A reader never has to guess which clock is shown."""
    berlin = zone_of("Europe/Berlin")
    assert zone_name(berlin, NOW) == "Europe/Berlin, UTC+01:00"
    assert zone_name(zone_of("UTC"), NOW) == "UTC"
    assert utc_offset_seconds("Asia/Kolkata", NOW) == 5.5 * 3600


@pytest.mark.parametrize("name", ["", "../etc/passwd", "Mars/Olympus", "/etc/localtime", "a" * 500])
def test_unknown_zones_are_refused(name: str) -> None:
    """No name reads a file outside the time zone database, and none crashes."""
    with pytest.raises(ValueError, match="is not a time zone"):
        zone_of(name)


def test_ages_are_short() -> None:
    """One unit, rounded down."""
    ages = [age(NOW - timedelta(seconds=seconds), NOW) for seconds in (0, 59, 60, 7199, 7200, 172800)]
    assert ages == ["0 s", "59 s", "1 min", "119 min", "2 h", "2 d"]
    assert age(NOW + timedelta(seconds=5), NOW) == "0 s"
