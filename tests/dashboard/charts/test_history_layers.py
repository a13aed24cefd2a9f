"""What history adds to lines: comparison, marks, bands, a logarithmic axis and a brush, by the specification."""

import json
import re
from typing import Any

from dashboard.charts.bands import Overlay
from dashboard.charts.marks import Mark
from dashboard.charts.percentiles import in_order
from dashboard.charts.rows import rows_of
from dashboard.charts.timeline import timeline
from tests.dashboard.charts.test_timeline import START, drawn, table


def layers(spec: dict[str, Any], mark: str) -> list[dict[str, Any]]:
    """The layers of a mark."""
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]


def test_an_earlier_range_is_pale_dashed_and_named() -> None:
    """A line of its own with its own legend; it counts for the scale of the axis."""
    earlier = rows_of("a", [(START, 90.0)], step_seconds=60, complete_until=None)
    spec = drawn([1.0, 2.0], overlay=Overlay(earlier=earlier, earlier_title="week before"))
    past = next(line for line in layers(spec, "line") if line["mark"].get("opacity"))
    assert past["encoding"]["strokeDash"]["scale"] == {"domain": ["week before"], "range": [[3, 3]]}
    assert spec["resolve"] == {"scale": {"strokeDash": "independent"}}


def test_an_earlier_ranges_values_can_be_pointed_at_with_their_own_times() -> None:
    """Where they are drawn they are of another day: the tooltip has their own, and which range they are of."""
    earlier = rows_of("a", [(START, 90.0), (START + 60, None)], step_seconds=60, complete_until=None)
    overlay = Overlay(earlier=earlier, earlier_title="week before", earlier_moved=7 * 86_400_000)
    spec = drawn([1.0, 2.0], overlay=overlay)
    hover = layers(spec, "point")[-1]
    told = {each["as"]: each["calculate"] for each in hover["transform"] if "calculate" in each}
    assert "datum.own" in told["when"]
    assert "datum.range" in told["note"]
    rows = spec["datasets"][hover["data"]["name"]]
    named = [(row["range"], row["own"] - row["time"], row["value"], row["pointed"]) for row in rows]
    expected = ("week before", -7 * 86_400_000, 90.0, True)
    assert named[:2] == [("", 0, 1.0, True), ("", 0, 2.0, True)]
    assert named[2] == expected


def test_what_happened_is_a_line_and_a_shape_that_says_it() -> None:
    """One pair of layers for each kind and colour; an unknown kind is drawn like an alert."""
    marks = [Mark("promotion", START * 1000, "m v2"), Mark("strange", START * 1000 + 1, "<b>")]
    spec = drawn([1.0, 2.0], overlay=Overlay(marks=marks))
    assert len(layers(spec, "rule")) == 2
    shapes = [layer for layer in layers(spec, "point") if layer["mark"].get("shape")]
    assert [layer["mark"]["shape"] for layer in shapes] == ["diamond", "triangle-down"]
    texts = [row["what"] for layer in shapes for row in spec["datasets"][layer["data"]["name"]]]
    assert texts == ["promoted: m v2", "strange: <b>"]


def test_percentiles_are_bands_with_gaps_where_one_is_missing() -> None:
    """An area between each and the next, in the axis' unit."""
    assert in_order(["p99", "p50", "p95"]) == ["p50", "p95", "p99"]
    assert in_order(["p50", "mean"]) == []
    spec = drawn([0.1, None, 0.3], names=("p50", "p95", "p99"), overlay=Overlay(percentiles=["p50", "p95", "p99"]))
    areas = layers(spec, "area")
    assert [area["encoding"]["y2"]["field"] for area in areas] == ["upper", "upper"]
    rows = spec["datasets"][areas[0]["data"]["name"]]
    assert [(row["value"], row["upper"]) for row in rows] == [(100.0, 100.0), (None, None), (300.0, 300.0)]


def test_a_logarithmic_axis_leaves_out_what_it_has_no_place_for() -> None:
    """Zero is a gap; where there is nothing else the axis stays linear."""
    spec = drawn([0.0, 5.0], unit="1", log=True)
    line = layers(spec, "line")[0]
    assert line["encoding"]["y"]["scale"]["type"] == "log"
    assert [row["value"] for row in table(spec)] == [None, 5.0]
    flat = layers(drawn([0.0, 0.0], unit="1", log=True), "line")[0]
    assert flat["encoding"]["y"]["scale"] == {"domain": [0, 1]}


def test_a_chart_to_drag_over_is_described_alike_when_its_range_moves_on() -> None:
    """Only its data change, the axis' ends among them: what is being dragged stays. Marks outside keep out."""

    def described(start: int) -> tuple[Any, Any]:
        rows = rows_of("a", [(start + 60, 1.0)], step_seconds=60, complete_until=None)
        marks = [Mark("alert", 1000 * at, "") for at in (START - 600, start + 90)]
        chart = timeline(
            rows, unit="1/s", start=start * 1000, end=(start + 600) * 1000, brush="zoom", overlay=Overlay(marks=marks)
        )
        spec = chart.to_dict()
        places = {name: f"place {place}" for place, name in enumerate(spec.pop("datasets"))}
        text = json.dumps(spec)
        for name, place in places.items():
            text = text.replace(name, place)
        return re.sub(r"(view|param|hover)_?\d+", r"\1", text), chart.to_dict()["datasets"].values()

    (once, before), (later, after) = described(START), described(START + 60)
    assert once == later
    for start, datasets in ((START, before), (START + 60, after)):
        ends = [{"time": start * 1000.0}, {"time": (start + 600) * 1000.0}]
        assert ends in list(datasets)
        moments = [row.get("time", row.get("at")) for rows in datasets for row in rows]
        assert (min(moments), max(moments)) == (start * 1000, (start + 600) * 1000)


def test_a_brush_selects_along_the_time_axis() -> None:
    """One interval selection of that name; none without."""
    (brush,) = [each for each in drawn([1.0], brush="zoom")["params"] if each["name"] == "zoom"]
    assert brush["select"] == {"type": "interval", "encodings": ["x"]}
    assert "zoom" not in [each["name"] for each in drawn([1.0])["params"]]
