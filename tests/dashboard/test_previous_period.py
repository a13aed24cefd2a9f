"""The range before a range."""

from datetime import UTC, datetime

import pytest

from dashboard.previous_period import period_words, previous, previous_words
from dashboard.time_range import TimeRange

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (TimeRange("now-24h"), TimeRange("now-48h", "now-24h")),
        (TimeRange("now-7d"), TimeRange("now-14d", "now-7d")),
        (TimeRange("now-2h", "now-1h"), TimeRange("2026-11-26T09:00:00Z", "2026-11-26T10:00:00Z")),
        (
            TimeRange("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
            TimeRange("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
        ),
    ],
)
def test_it_is_as_long_and_ends_where_the_other_begins(period: TimeRange, before: TimeRange) -> None:
    """Said relatively where it can be, so that the question stays the same from second to second."""
    assert previous(period, NOW) == before
    start, end = period.bounds(NOW)
    assert before.bounds(NOW) == (start - (end - start), start)


def test_it_has_words() -> None:
    """For a preset, and for anything else."""
    assert (period_words(TimeRange("now-7d")), previous_words(TimeRange("now-7d"))) == (
        "the last 7 days",
        "the 7 days before",
    )
    assert period_words(TimeRange("now-5h")) == "this range"
