"""From a brush to the region that it means."""

from typing import Any

import pytest

from dashboard.brushed import Region, brush_of, edges, region_of, spans_within, touched
from dashboard.time_range import TimeRange
from dashboard.trace_answers import HeatMap
from tests.dashboard.tracing_api import FakeTracing

HEAT = HeatMap.model_validate(FakeTracing().answer("/api/v1/traces/heatmap", {})[1])  # type: ignore[index]
START = 1_795_000_000_000


def event(times: Any, durations: Any) -> dict[str, Any]:
    """What Streamlit gives of a brush."""
    return {"selection": {"brush": {"time": times, "duration": durations}}}


def test_a_brush_is_a_time_and_durations() -> None:
    """Times to the second, outwards, and back from the wall clock of the axis; durations to three digits."""
    region = region_of(event([START + 600_400 + 7_200_000, START + 1_200_700 + 7_200_000], [12.3456, 2.0]), HEAT, 7_200)
    assert region == Region(TimeRange("2026-11-18T11:16:40Z", "2026-11-18T11:26:41Z"), 2.0, 12.3)


def test_a_brush_to_the_edge_has_no_bound_there() -> None:
    """What reaches the top means all longer spans too."""
    region = region_of(event([START, START + 3_600_000], [0.5, 1e9]), HEAT, 0)
    assert region == Region(TimeRange("2026-11-18T11:06:40Z", "2026-11-18T12:06:40Z"), None, None)
    assert spans_within(HEAT, region) == (HEAT.count, HEAT.errors)


def test_the_spans_of_the_cells_that_it_touches_are_counted() -> None:
    """Ten columns of the slow bucket, each with failures."""
    region = region_of(event([START + 3_000_000, START + 3_600_000], [62.0, 99.0]), HEAT, 0)
    assert region is not None
    slow = [cell for cell in HEAT.cells if cell.bucket == 9]
    assert spans_within(HEAT, region) == (sum(cell.count for cell in slow), len(slow))


def test_a_region_is_drawn_where_it_was_brushed() -> None:
    """By the wall clock of the axis; on the map only; and drawn, told and drawn again it is the same."""
    region = Region(TimeRange("2026-11-18T11:16:40Z", "2026-11-18T11:26:41Z"), 2.0, None)
    brush = brush_of(region, HEAT, 3_600)
    top = edges(HEAT)[-1][1]
    assert brush == ((START + 600_000 + 3_600_000.0, START + 1_201_000 + 3_600_000.0), (2.0, top))
    (start, end), _ = brush
    told = event([start - 0.3, end + 0.3], [2.0001, top * (1 - 1e-9)])
    assert region_of(told, HEAT, 3_600) == region
    assert Region.read(region.spelled(), HEAT.end) == region
    wide = Region(TimeRange("2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z"), None, 1e9)
    assert brush_of(wide, HEAT, 0) == ((START, START + 3_600_000), (edges(HEAT)[0][0], top))
    for beside in (
        Region(TimeRange("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"), None, None),
        Region(wide.period, 1e6, None),
    ):
        assert brush_of(beside, HEAT, 0) is None


def test_only_what_a_chart_tells_counts() -> None:
    """Before, Streamlit names every selection; a brush that was taken away is told too."""
    untouched: dict[str, Any] = {"selection": {"brush": {}, "untouched": {}}}
    cleared: dict[str, Any] = {"selection": {"brush": {}}}
    assert not any(touched(told) for told in (None, {}, untouched))
    assert touched(cleared)
    assert touched(event([1, 2], [1, 2]))


@pytest.mark.parametrize(
    "nothing",
    [None, {}, {"selection": {}}, event(None, None), event([1], [2]), event([0, 1], [1.0, 2.0]), {"selection": []}],
)
def test_no_brush_is_no_region(nothing: Any) -> None:
    """Nor is one outside of the map."""
    assert region_of(nothing, HEAT, 0) is None
