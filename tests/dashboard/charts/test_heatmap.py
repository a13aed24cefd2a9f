"""The heat map, judged by its Vega-Lite specification."""

import pytest

from dashboard.charts.heatmap import Cell, heat_map_chart
from dashboard.charts.palette import ERRORS, HEAT

START = 1_700_000_000_000
CELLS = [Cell(START, START + 60_000, 1.0, 1.6, 40, 0), Cell(START, START + 60_000, 1_000.0, 1_585.0, 3, 2)]


def test_cells_lie_at_their_time_and_duration_and_can_be_brushed() -> None:
    """A rectangle each on a logarithmic axis, the darker the more, and a brush over both axes."""
    spec = heat_map_chart(
        CELLS, start=START, end=START + 3_600_000, durations=(1.0, 1_585.0), brush="brush", time_title="Time (UTC)"
    ).to_dict()
    encoding = spec["encoding"]
    assert [encoding[channel]["field"] for channel in ("x", "x2", "y", "y2")] == [
        "time",
        "until",
        "duration",
        "longest",
    ]
    assert encoding["y"]["scale"]["type"] == "log"
    assert encoding["y"]["axis"]["values"] == [1, 10, 100, 1_000]
    assert encoding["color"]["scale"]["range"] == list(HEAT)
    assert encoding["color"]["scale"]["domain"] == [0, pytest.approx(1.602, abs=1e-3)]
    assert encoding["color"]["legend"]["values"] == [0, 1]
    assert encoding["stroke"]["condition"]["value"] == ERRORS
    (brush,) = spec["params"]
    assert (brush["name"], brush["select"]["type"], brush["select"]["encodings"]) == ("brush", "interval", ["x", "y"])
    (rows,) = spec["datasets"].values()
    assert [(row["took"], row["count"], row["errors"]) for row in rows] == [
        ("1 ms to 1.6 ms", 40, 0),
        ("1 s to 1.58 s", 3, 2),
    ]
    assert encoding["x"]["axis"]["title"] == "Time (UTC)"
