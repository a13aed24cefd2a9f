"""Cutting a range into buckets."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.monitoring_api.queries.buckets import (
    MOST_POINTS,
    MOST_POINTS_PER_SERIES,
    check_points,
    choose_step,
    parse_tz,
)
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.web.problems import BadInput

UTC_ZONE = ZoneInfo("UTC")
T = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def between(start: datetime, end: datetime) -> TimeRange:
    """A range between two times."""
    return TimeRange(epoch_ns(start), epoch_ns(end))


def test_buckets_lie_on_the_clock_and_cover_the_range_once():
    """Buckets start at multiples of the step; the first and last are counted only as far as they are asked for."""
    cut = choose_step("5m", between(T + timedelta(minutes=2), T + timedelta(minutes=11)), UTC_ZONE).all()
    assert [(bucket.start - int(T.timestamp()), bucket.seconds) for bucket in cut] == [(0, 180), (300, 300), (600, 60)]


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(minutes=5), "10s"),
        (timedelta(hours=1), "10s"),
        (timedelta(hours=6), "1m"),
        (timedelta(days=1), "5m"),
        (timedelta(days=7), "30m"),
        (timedelta(days=30), "2h"),
        (timedelta(days=365), "1d"),
        (timedelta(days=36_500), "365d"),
    ],
)
def test_auto_gives_a_few_hundred_points(length, step):
    """The automatic step is one that people count in, and makes at most 400 points."""
    start = datetime(1971, 1, 1, tzinfo=UTC)
    buckets = choose_step("auto", between(start, start + length), UTC_ZONE)
    assert str(buckets.step) == step
    assert buckets.count() <= 402


def test_local_days_follow_their_zone():
    """A day in Kathmandu begins at 18:15 UTC."""
    cut = choose_step("1d", between(T, T + timedelta(days=1)), ZoneInfo("Asia/Kathmandu")).all()
    assert [datetime.fromtimestamp(bucket.start, UTC).strftime("%d %H:%M") for bucket in cut] == [
        "01 18:15",
        "02 18:15",
    ]


def test_days_when_clocks_change_are_longer_or_shorter():
    """In Berlin 29 March 2026 has 23 hours and 25 October 25."""
    berlin = ZoneInfo("Europe/Berlin")
    spring = choose_step(
        "1d", between(datetime(2026, 3, 28, tzinfo=berlin), datetime(2026, 3, 31, tzinfo=berlin)), berlin
    )
    autumn = choose_step(
        "1d", between(datetime(2026, 10, 24, tzinfo=berlin), datetime(2026, 10, 27, tzinfo=berlin)), berlin
    )
    assert [bucket.seconds / 3600 for bucket in spring.all()] == [24, 23, 24]
    assert [bucket.seconds / 3600 for bucket in autumn.all()] == [24, 25, 24]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "America/Sao_Paulo"])
@pytest.mark.parametrize("step", ["1m", "7m", "1h", "1d", "7d"])
def test_sql_and_python_agree_on_every_bucket(store, zone, step):
    """The key that SQL gives a moment is that of the bucket which holds it, around midnights and clock changes."""
    start = datetime(2026, 3, 28, 20, 13, tzinfo=UTC)
    buckets = choose_step(step, between(start, start + timedelta(days=3)), ZoneInfo(zone))
    expected = []
    for bucket in buckets.all():
        begins = max(bucket.start, int(start.timestamp()))
        expected += [[begins, bucket.key], [begins + int(bucket.seconds) - 1, bucket.key]]
    sql = (
        f"SELECT Moment, {buckets.expression('At')} "
        "FROM (SELECT arrayJoin({moments:Array(UInt32)}) AS Moment, toDateTime64(Moment, 9, 'UTC') AS At)"
    )
    moments = [moment for moment, _ in expected]
    assert store.rows(sql, {**buckets.parameters(), "moments": moments}) == expected


@pytest.mark.parametrize("text", ["1s", "5s"])
def test_too_many_points_name_a_step_that_would_do(text):
    """The problem names step, and the step it proposes is accepted."""
    span = between(T, T + timedelta(days=10 * 365))
    with pytest.raises(BadInput) as caught:
        choose_step(text, span, UTC_ZONE)
    (error,) = caught.value.errors
    assert error.field == "step"
    proposed = error.message.split("step=")[1].split(" ")[0]
    assert choose_step(proposed, span, UTC_ZONE).count() <= MOST_POINTS_PER_SERIES


def test_too_many_points_in_all_name_a_step_too():
    """With many series the limit is on all of them together."""
    span = between(T, T + timedelta(days=1))
    buckets = choose_step("1m", span, UTC_ZONE)
    check_points(buckets, series=60)
    with pytest.raises(BadInput) as caught:
        check_points(buckets, series=200)
    proposed = caught.value.errors[0].message.split("step=")[1].split(" ")[0]
    assert choose_step(proposed, span, UTC_ZONE).count() * 200 <= MOST_POINTS


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "UTC\0", "Europe", "x" * 500, "é"]
)
def test_what_is_no_time_zone_is_refused(name):
    """Also paths, which zone names are looked up as."""
    with pytest.raises(BadInput) as caught:
        parse_tz(name)
    assert [error.field for error in caught.value.errors] == ["tz"]


@pytest.mark.parametrize("text", ["0s", "-1m", "NaN", "", "5", "999999d", "automatic"])
def test_what_is_no_step_is_refused(text):
    """Zero, negative and endless steps are problems that name step."""
    with pytest.raises(BadInput) as caught:
        choose_step(text, TimeRange(0, 3600 * NANOSECONDS), UTC_ZONE)
    assert [error.field for error in caught.value.errors] == ["step"]
