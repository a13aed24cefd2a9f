"""Times and durations as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.monitoring_api.queries.timerange import (
    NANOSECONDS,
    TimeRange,
    epoch_ns,
    parse_range,
    parse_seconds,
    parse_time,
    rfc3339,
)
from services.web.problems import BadInput

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = 1_772_452_800


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("now", SECOND * NANOSECONDS),
        ("now-24h", (SECOND - 86_400) * NANOSECONDS),
        ("now+5m", (SECOND + 300) * NANOSECONDS),
        ("now 5m", (SECOND + 300) * NANOSECONDS),  # an unescaped plus
        ("now-1w", (SECOND - 604_800) * NANOSECONDS),
        ("2026-03-02T12:00:00Z", SECOND * NANOSECONDS),
        ("2026-03-02T12:00:00", SECOND * NANOSECONDS),
        ("2026-03-02T17:30:00+05:30", SECOND * NANOSECONDS),
        ("2026-03-02T17:30:00 05:30", SECOND * NANOSECONDS),
        ("2026-03-02T12:00:00.5Z", SECOND * NANOSECONDS + NANOSECONDS // 2),
        ("2026-03-02", (SECOND - 43_200) * NANOSECONDS),
        (str(SECOND), SECOND * NANOSECONDS),
        (f"{SECOND}.000000001", SECOND * NANOSECONDS + 1),
        ("0", 0),
    ],
)
def test_a_time_is_read_exactly(text, expected_ns):
    """RFC 3339, epoch seconds and relative times mean the same moment to the nanosecond."""
    assert parse_time(text, now=NOW, field="from") == expected_ns


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "now-", "now-5", "now-5y", "NaN", "inf", "1e9", "-1", "2026-13-01T00:00:00Z",
        "now-99999999999h", "99999999999999999999", "1772452800000", "0x10", "2200-01-01T00:00:00Z", "0001-01-01",
        "now-9999999999w", "1" * 400,
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name(text):
    """Words, overflows and years outside 1970 to 2100 are problems that name the parameter, never a crash."""
    with pytest.raises(BadInput) as caught:
        parse_time(text, now=NOW, field="to")
    assert [error.field for error in caught.value.errors] == ["to"]


@pytest.mark.parametrize(("start", "end"), [("now", "now"), ("now", "now-1h")])
def test_a_range_must_go_forward(start, end):
    """An empty or backward range names from."""
    with pytest.raises(BadInput) as caught:
        parse_range(start, end, now=NOW)
    assert [error.field for error in caught.value.errors] == ["from"]


def test_a_range_has_a_length():
    """A range knows its seconds."""
    assert parse_range("now-90s", "now", now=NOW).seconds == 90
    assert TimeRange(0, NANOSECONDS // 2).seconds == 0.5


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("1w", 604_800)]
)
def test_a_duration_is_read(text, seconds):
    """A number and a unit."""
    assert parse_seconds(text, field="step") == seconds


@pytest.mark.parametrize("text", ["", "0s", "-5m", "5", "5M", "1.5h", "NaN", "99999999999d", "5m5s"])
def test_what_is_no_duration_is_refused(text):
    """Zero, negative, fractional and unit-less durations are problems."""
    with pytest.raises(BadInput):
        parse_seconds(text, field="step")


def test_times_are_written_as_rfc_3339():
    """In UTC, with as many fractional digits as needed."""
    at = datetime(2026, 3, 2, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert rfc3339(epoch_ns(at)) == "2026-03-02T12:00:00Z"
    assert rfc3339(epoch_ns(at + timedelta(milliseconds=5))) == "2026-03-02T12:00:00.005Z"
    assert rfc3339(epoch_ns(at + timedelta(microseconds=5)) + 999) == "2026-03-02T12:00:00.000005Z"
