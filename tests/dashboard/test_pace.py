"""How soon a range is asked for again."""

from datetime import UTC, datetime

import pytest

from dashboard.pace import asked_every
from dashboard.time_range import TimeRange

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "step", "seconds"),
    [
        ("now-15m", "auto", 15),
        ("now-6h", "auto", 15),
        ("now-6h", "5m", 60),
        ("now-6h", "1h", 60),
        ("now-23h", "1m", 15),
        ("now-24h", "10s", 60),
        ("now-90d", "auto", 60),
        ("2026-11-26T11:00:00Z", "auto", 15),
    ],
)
def test_a_bucket_is_looked_at_four_times_and_a_day_once_a_minute(start: str, step: str, seconds: float) -> None:
    """Never sooner than the page is told to wait."""
    period = TimeRange(start, "now")
    assert asked_every(period, step, NOW, usual=15) == seconds
    assert asked_every(period, step, NOW, usual=300) == 300


@pytest.mark.parametrize("end", ["2026-11-26T11:59:59Z", "now-1h", "1795694399"])
def test_what_is_over_is_not_asked_for_again(end: str) -> None:
    """Nor is what ends at a distance from now: it is looked at for what it was."""
    assert asked_every(TimeRange("now-2d", end), "auto", NOW, usual=15) is None
