from decimal import Decimal

import pytest

from sightglass.labels.observed_time import observed_nanoseconds

SECOND = 10**9
NOON = 1_767_268_800 * SECOND  # 2026-01-01 12:00 UTC


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        (" 2026-01-01T12:00:00z ", NOON),
        ("2026-01-01 12:00:00", NOON),
        ("2026-01-01T12:00", NOON),
        ("2026-01-01T13:00:00+01:00", NOON),
        ("2026-01-01T05:30:00-0630", NOON),
        ("2026-01-01T12:00:00.123456789Z", NOON + 123_456_789),
        ("2026-01-01T12:00:00.1234567891Z", NOON + 123_456_789),
        ("2026-01-01T12:00:00.5", NOON + SECOND // 2),
        ("2026-01-01", NOON - 43_200 * SECOND),
        ("1767268800", NOON),
        ("1767268800.1", NOON + SECOND // 10),
        ("1.7672688e9", NOON),
        (1_767_268_800, NOON),
        (1_767_268_800.1, NOON + SECOND // 10),
        (Decimal("1767268800.123456789"), NOON + 123_456_789),
    ],
)
def test_times_that_are_read(cell, expected):
    """RFC 3339 with up to nine digits, in UTC without a zone, and epoch seconds mean one nanosecond."""
    assert observed_nanoseconds(cell) == expected


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("yesterday", "is no time"),
        ("01/02/2026", "is no time"),
        ("2026-02-30T00:00:00Z", "day is out of range"),
        ("2026-01-01T25:00:00Z", "is no time"),
        ("٢٠٢٦-01-01", "is no time"),
        ("nan", "is no time"),
        (float("inf"), "is no time"),
        (Decimal("NaN"), "is no time"),
        (True, "is no time"),
        ([1], "is no time"),
        ("1767268800000", "divide milli-"),
        (1_767_268_800_000_000_000, "divide milli-"),
        ("1e999", "divide milli-"),
        ("20260101", "before 1971"),
        (-1, "before 1971"),
        ("1969-12-31T00:00:00Z", "outside of the years"),
        ("9999-12-31T23:59:59Z", "outside of the years"),
    ],
)
def test_times_that_are_refused(cell, said):
    """What the store would take for another time, or for none, is refused, with what is accepted."""
    with pytest.raises(ValueError, match=said):
        observed_nanoseconds(cell)
