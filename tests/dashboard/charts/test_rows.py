"""Rows of charts."""

from dashboard.charts.rows import (
    MOST_POINTED,
    MOST_POINTS,
    largest,
    pointed_at,
    rows_of,
    series_name,
    times_kept,
    until_now,
)


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


def test_what_has_not_begun_is_not_zero() -> None:
    """Empty buckets after now are cut; the running one stays, and so does what a clock ahead of ours has counted."""
    points = [(0.0, 5.0), (60.0, 0.0), (120.0, 0.0), (180.0, None)]
    assert until_now(points, 100) == points[:2]
    assert until_now(points, 1000) == points
    ahead = [*points, (240.0, 7.0)]
    assert until_now([*ahead, (300.0, 0.0)], 100) == ahead
    assert list(until_now([(200.0, 0.0)], 100)) == []


def test_thinning_keeps_peaks_and_gaps() -> None:
    """Of a day in seconds a chart gets no more than its pixels can show, a peak, a dip and a gap among it."""
    points: list[tuple[float, float | None]] = [(float(at), 10.0 + at % 7) for at in range(86_400)]
    points[40_001], points[50_002] = (40_001.0, 900.0), (50_002.0, -3.0)
    points[60_000:60_400] = [(float(at), None) for at in range(60_000, 60_400)]
    rows = rows_of("a", points, step_seconds=1, complete_until=None)
    assert len(rows) < MOST_POINTS * 1.1
    shown = {row["time"] // 1000: row["value"] for row in rows}
    assert (shown[40_001], shown[50_002]) == (900.0, -3.0)
    assert any(row["value"] is None for row in rows)
    assert [row["time"] for row in rows] == sorted(shown_at * 1000 for shown_at in shown)


def test_the_ends_of_a_band_are_thinned_to_the_same_buckets() -> None:
    """What is drawn of one of them is drawn of the other; short lines are drawn whole."""
    low = [(float(at), float(at % 5)) for at in range(5000)]
    high = [(float(at), float(at % 11)) for at in range(5000)]
    kept = times_kept([low, high])
    assert kept is not None
    assert len(kept) <= 2 * MOST_POINTS
    first, second = (rows_of("a", line, step_seconds=1, complete_until=None, kept=kept) for line in (low, high))
    assert [row["time"] for row in first] == [row["time"] for row in second]
    assert times_kept([low[:MOST_POINTS]]) is None


def test_a_dot_for_each_value_until_there_are_too_many() -> None:
    """All of a short line; of long ones a share each, with the peak among them; a missing value never."""
    short = rows_of("a", [(0, 1.0), (60, None), (120, 2.0)], step_seconds=60, complete_until=None)
    assert pointed_at(short) == {("a", 0), ("a", 120_000)}
    minutes = [(60.0 * place, 9.0 if place == 777 else 1.0) for place in range(1_440)]
    both = [row for name in "ab" for row in rows_of(name, minutes, step_seconds=60, complete_until=None)]
    pointed = pointed_at(both)
    assert MOST_POINTED // 4 <= len(pointed) <= MOST_POINTED
    assert {("a", 777 * 60_000), ("b", 777 * 60_000)} <= pointed
