"""States as bars and as bands, judged by their Vega-Lite specification."""

from typing import Any

from dashboard.charts.bands import COLOURS, Band, Overlay, state_bars
from dashboard.charts.rows import rows_of
from dashboard.charts.timeline import timeline

START = 1_700_000_000_000
MINUTE = 60_000


def drawn(overlay: Overlay | None) -> dict[str, Any]:
    """A line of an hour with an overlay."""
    rows = rows_of("a", [(START / 1000 + 60 * n, 0.01) for n in range(60)], step_seconds=60, complete_until=None)
    chart = timeline(rows, unit="ratio", start=START, end=START + 60 * MINUTE, overlay=overlay)
    return dict(chart.to_dict())


def test_bars_lie_in_their_lane_and_have_their_states_colour() -> None:
    """Each stretch is a bar from its start to its end; a lane without any stays."""
    bands = [Band("firing", START, START + MINUTE, "state"), Band("failing", START, START + 2 * MINUTE, "looks")]
    spec = state_bars(bands, lanes=["state", "looks"], start=START, end=START + 60 * MINUTE, time_title="T").to_dict()
    (bars,) = spec["layer"]
    assert bars["mark"]["type"] == "bar"
    assert bars["encoding"]["y"]["scale"]["domain"] == ["state", "looks"]
    assert bars["encoding"]["color"]["scale"]["range"] == list(COLOURS.values())
    (rows,) = spec["datasets"].values()
    assert [(row["lane"], row["title"], row["end"] - row["start"]) for row in rows] == [
        ("state", "firing", MINUTE),
        ("looks", "could not be evaluated", 2 * MINUTE),
    ]


def test_bands_lie_behind_the_line_on_its_time_axis() -> None:
    """A rectangle over the whole height for each state, in its colour, and the threshold in the axis' scale."""
    spec = drawn(Overlay([Band("firing", START, START + MINUTE), Band("pending", START, START)], threshold=0.05))
    marks = [layer["mark"]["type"] for layer in spec["layer"]]
    assert marks.index("line") > max(place for place, mark in enumerate(marks) if mark == "rect")
    rectangles = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rect"]
    assert [layer["mark"]["color"] for layer in rectangles] == [COLOURS["firing"], COLOURS["pending"]]
    line = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "line")
    assert all(layer["encoding"]["x"]["scale"] == line["encoding"]["x"]["scale"] for layer in rectangles)
    across = [rows for rows in spec["datasets"].values() if "threshold" in rows[0]]
    assert across == [[{"threshold": 5.0}]]


def test_without_an_overlay_a_chart_is_as_ever() -> None:
    """An empty one draws nothing either."""
    assert drawn(None)["layer"] == drawn(Overlay())["layer"]
