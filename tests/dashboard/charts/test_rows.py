"""Rows of charts."""

from dashboard.charts.rows import largest, rows_of, series_name


def test_the_wall_clock_is_the_axis() -> None:
    """Times are shifted by the zone's offset, so that an axis in UTC shows the zone's clock."""
    (row,) = rows_of("a", [(1000, 1.0)], step_seconds=60, complete_until=None, offset_seconds=3600)
    assert row["time"] == 4_600_000


def test_a_bucket_is_final_only_when_its_end_has_arrived() -> None:
    """A bucket that straddles `complete_until` may still change."""
    rows = rows_of("a", [(0, 1.0), (60, 1.0)], step_seconds=60, complete_until=119)
    assert [row["state"] for row in rows] == ["final", "unfinished"]


def test_a_line_is_named_by_its_labels() -> None:
    """Values in the order of the keys; an empty one says which key is missing; no labels, the fallback."""
    assert series_name({"route": "/a", "model": ""}, "x") == "/a · (no model)"
    assert series_name({}, "x") == "x"


def test_largest_ignores_gaps() -> None:
    """Gaps have no size, and only gaps have none."""
    rows = rows_of("a", [(0, None), (60, -3.0)], step_seconds=60, complete_until=None)
    assert largest(rows) == 3.0
    assert largest(rows[:1]) is None
