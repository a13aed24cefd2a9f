"""The range that a range is compared with, where clocks change too."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.monitoring_api.queries.buckets import Buckets, choose_step
from services.monitoring_api.queries.comparison import Compare, compared
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns

HOUR = 3600 * NANOSECONDS


def cut(start: str, end: str, step: str, tz: str = "UTC") -> Buckets:
    """A range between two wall-clock times of a zone."""
    zone = ZoneInfo(tz)
    span = TimeRange(*(epoch_ns(datetime.fromisoformat(text).replace(tzinfo=zone)) for text in (start, end)))
    return choose_step(step, span, zone)


@pytest.mark.parametrize(
    ("asked", "compare", "earlier"),
    [
        # Just before, and as long.
        (("2026-03-02T10:00", "2026-03-02T11:40", "1m"), Compare.PREVIOUS, ("2026-03-02T08:20", "2026-03-02T10:00")),
        (("2026-03-02T10:00", "2026-03-02T11:40", "1m"), Compare.WEEK, ("2026-02-23T10:00", "2026-02-23T11:40")),
        # Berlin's clocks went forward on 29 March: the same time by the clock, and whole days of 23 and 24 hours.
        (
            ("2026-03-31T09:00", "2026-03-31T10:00", "1m", "Europe/Berlin"),
            Compare.WEEK,
            ("2026-03-24T09:00", "2026-03-24T10:00"),
        ),
        (
            ("2026-03-30", "2026-03-31", "1d", "Europe/Berlin"),
            Compare.PREVIOUS,
            ("2026-03-29", "2026-03-30"),
        ),
        (
            ("2026-03-23", "2026-03-30", "1d", "Europe/Berlin"),
            Compare.WEEK,
            ("2026-03-16", "2026-03-23"),
        ),
        (
            ("2026-03-02", "2026-03-04", "1d", "Asia/Kathmandu"),
            Compare.PREVIOUS,
            ("2026-02-28", "2026-03-02"),
        ),
    ],
)
def test_the_earlier_range_is_the_same_by_the_clock(asked, compare, earlier):
    """Previous is just before, or as many local days before; a week ago is the same wall-clock time."""
    buckets = cut(*asked)
    tz = asked[3] if len(asked) > 3 else "UTC"
    found = compared(buckets, compare)
    assert found == Buckets(cut(*earlier, asked[2], tz).span, buckets.step, buckets.tz)


def test_the_shortest_day_is_compared_with_a_longer_one():
    """The day on which clocks went forward has 23 hours, the one before 24."""
    shortest = cut("2026-03-29", "2026-03-30", "1d", "Europe/Berlin")
    before = compared(shortest, Compare.PREVIOUS)
    assert before is not None
    assert [(each.span.end_ns - each.span.start_ns) // HOUR for each in (shortest, before)] == [23, 24]
    assert len(before.all()) == len(shortest.all()) == 1


def test_nothing_is_compared_with_a_time_before_1970():
    """There is no such range, and no answer instead of a wrong one."""
    buckets = cut("1970-01-01T00:10", "1970-01-01T00:30", "1m")
    assert [compared(buckets, compare) for compare in Compare] == [None, None, None]
