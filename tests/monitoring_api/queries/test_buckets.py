"""Cutting a range into buckets."""

import random
import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from services.monitoring_api.queries.buckets import (
    MOST_POINTS,
    MOST_POINTS_PER_SERIES,
    check_points,
    choose_step,
)
from services.monitoring_api.queries.time_zones import parse_tz, zone_names
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


def assert_every_moment_lies_in_its_bucket(store, buckets, moments):
    """SQL's key of each moment of the range is Python's, and is that of a bucket which holds the moment."""
    start, end = buckets.span.start_ns // NANOSECONDS, buckets.span.end_ns // NANOSECONDS
    asked = sorted({moment for moment in moments if start <= moment < end})
    sql = (
        f"SELECT {buckets.expression('At')}, {buckets.expression('Minute')}"
        " FROM (SELECT toDateTime64(arrayJoin({moments:Array(UInt32)}), 9, 'UTC') AS At, toDateTime(At) AS Minute)"
    )
    found = store.rows(sql, {**buckets.parameters(), "moments": asked})
    assert found == [[buckets.key_at(moment * NANOSECONDS)] * 2 for moment in asked], (buckets.tz, str(buckets.step))
    held = {bucket.key: (bucket.start, buckets.start_of(bucket.key + 1)) for bucket in buckets.all()}
    assert all(held[key][0] <= moment < held[key][1] for moment, (key, _) in zip(asked, found, strict=True))


def test_no_moment_of_any_zone_lies_outside_its_day(store):
    """In every time zone, whatever its clocks did or will do, for ranges and steps of days at random."""
    chance = random.Random(3)
    for zone in sorted(zone_names()):
        days = chance.choice([1, 1, 2, 7, 30, 365])
        start = chance.randrange(4_000_000_000)
        end = min(start + chance.randrange(1, days * 86_400 * 300), 4_102_444_800)
        buckets = choose_step(f"{days}d", TimeRange(start * NANOSECONDS, end * NANOSECONDS), parse_tz(zone))
        edges = [edge.start + offset for edge in buckets.all() for offset in (-3601, -3600, -1, 0, 1, 3599, 3600)]
        within = [chance.randrange(start, end) for _ in range(50)]
        assert_every_moment_lies_in_its_bucket(store, buckets, [start, end - 1, *edges, *within])


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Vancouver", datetime(2026, 12, 10, tzinfo=UTC)),
        ("Africa/Casablanca", datetime(2026, 2, 15, tzinfo=UTC)),
        ("America/St_Johns", datetime(2006, 10, 29, tzinfo=UTC)),  # set back over midnight, from 0:01 to 23:01
        ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),  # left out this day
        ("Asia/Beirut", datetime(2026, 3, 29, tzinfo=UTC)),  # has no midnight
        ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC)),  # has the first hour twice
        ("Europe/Berlin", datetime(2099, 12, 29, tzinfo=UTC)),  # the last that may be asked for
        ("America/New_York", datetime(1970, 1, 1, 5, tzinfo=UTC)),  # 1969 until five in UTC
    ],
)
def test_every_quarter_of_an_hour_lies_in_its_day_where_clocks_are_strange(store, zone, day):
    """Also when the range begins or ends within such a day."""
    first = max(0, int(day.timestamp()) - 2 * 86_400)
    for begins in range(first, first + 3 * 86_400, 10_000):
        span = TimeRange(begins * NANOSECONDS, (begins + 3 * 86_400) * NANOSECONDS)
        moments = range(begins, begins + 3 * 86_400, 900)
        assert_every_moment_lies_in_its_bucket(store, choose_step("1d", span, parse_tz(zone)), moments)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"])
def test_all_time_there_is_can_be_cut_by_the_longest_steps(store, zone):
    """Also where the last bucket ends later than ClickHouse's DateTime does."""
    span = TimeRange(0, 4_102_444_800 * NANOSECONDS)
    for step in ("3650d", "3660d", "3600d", "30d"):
        buckets = choose_step(step, span, parse_tz(zone))
        assert_every_moment_lies_in_its_bucket(store, buckets, range(0, 4_102_444_800, 40_000_000))


def test_a_statement_knows_few_clock_changes():
    """SQL gets the rule between two clock changes, not every day: thirty years in Berlin have 60 of them."""
    span = between(datetime(1996, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert len(choose_step("1d", span, parse_tz("Europe/Berlin")).parameters()) == 1 + 61 + 60


def test_time_zones_do_not_depend_on_the_machine(tmp_path):
    """A machine whose own data is another answers the same."""
    machine = tmp_path / "America"
    machine.mkdir()
    (machine / "Whitehorse").write_bytes((files("tzdata") / "zoneinfo" / "UTC").read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        ours = parse_tz("America/Whitehorse")
        assert ZoneInfo.no_cache("America/Whitehorse").utcoffset(T.replace(tzinfo=None)) == timedelta(0)
    finally:
        zoneinfo.reset_tzpath(before)
    assert (ours.key, ours.utcoffset(T.replace(tzinfo=None))) == ("America/Whitehorse", timedelta(hours=-7))


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
    "name",
    [
        *("", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "UTC\0", "Europe", "x" * 500, "é"),
        *("right/UTC", "posix/Europe/Berlin", "localtime", "posixrules", "utc", "Europe/Berlin "),
    ],
)
def test_what_is_no_time_zone_is_refused(name):
    """Also paths, which zone names are looked up as, and what machines have beside the zones."""
    with pytest.raises(BadInput) as caught:
        parse_tz(name)
    assert [error.field for error in caught.value.errors] == ["tz"]


@pytest.mark.parametrize("text", ["0s", "-1m", "NaN", "", "5", "999999d", "automatic"])
def test_what_is_no_step_is_refused(text):
    """Zero, negative and endless steps are problems that name step."""
    with pytest.raises(BadInput) as caught:
        choose_step(text, TimeRange(0, 3600 * NANOSECONDS), UTC_ZONE)
    assert [error.field for error in caught.value.errors] == ["step"]
