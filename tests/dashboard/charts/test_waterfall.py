"""The waterfall, judged by its Vega-Lite specification."""

from typing import Any

import pytest

from dashboard.charts.palette import ERRORS
from dashboard.charts.waterfall import MARKS, ROW_PIXELS, Bar, Mark, waterfall

BARS = [
    Bar("a", "ml-api · POST /v1/predict", "ml-api", 0, 2_000, own=[(0, 500)], critical=[(0, 500)], duration="2 s"),
    Bar(
        "b",
        '<script>"] + alert(1) + ["</script>',
        "model",
        1_500,
        2_000,
        depth=1,
        failed=True,
        marks=[Mark("event", 1_600, "exception"), Mark("prediction", 1_900, "late 0.8")],
    ),
]


def drawn(chosen: str = "") -> dict[str, Any]:
    """Both bars."""
    colours = {"ml-api": "#0072B2", "model": "#008A63"}
    chart = waterfall(BARS, start=0, end=2_000, colours=colours, chosen=chosen, pick="pick")
    return dict(chart.to_dict())


def rows_of(spec: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    """The data of a layer."""
    return list(spec["datasets"][layer["data"]["name"]])


def test_each_span_has_a_row_with_its_own_time_and_its_part_of_the_critical_path() -> None:
    """In the axis' unit: of two seconds, seconds."""
    spec = drawn()
    rows, whole, own, outline, critical, *_ = spec["layer"]
    assert [(row["key"], row["from"], row["to"]) for row in rows_of(spec, whole)] == [("a", 0, 2), ("b", 1.5, 2)]
    assert [(row["from"], row["to"]) for row in rows_of(spec, own)] == [(0, 0.5)]
    assert [(row["from"], row["to"]) for row in rows_of(spec, critical)] == [(0, 0.5)]
    assert whole["encoding"]["x"]["axis"]["title"] == "Time since the trace began (s)"
    assert outline["encoding"]["stroke"]["condition"]["value"] == ERRORS
    assert {row["from"] for row in rows_of(spec, rows)} == {0}
    assert spec["height"] >= len(BARS) * ROW_PIXELS


def test_a_row_can_be_clicked_and_the_chosen_one_is_marked() -> None:
    """The selection says the row's key; it begins with what is chosen."""
    (pick,) = drawn("b")["params"]
    assert (pick["name"], pick["select"]["fields"], pick["value"]) == ("pick", ["key"], [{"key": "b"}])
    assert "value" not in drawn()["params"][0]


def test_what_happened_is_told_apart_by_colour_and_shape() -> None:
    """An event and a prediction in their row, at their time; of kinds that did not happen there is no layer."""
    spec = drawn()
    points = [layer for layer in spec["layer"] if layer["mark"]["type"] == "point"]
    assert [layer["mark"]["shape"] for layer in points] == [MARKS["event"][1], MARKS["prediction"][1]]
    assert [row["at"] for layer in points for row in rows_of(spec, layer)] == pytest.approx([1.6, 1.9])


def test_text_is_data_and_a_late_bar_has_it_before_its_end() -> None:
    """No text of the trace is a part of an expression; what begins late is written leftwards, so that it fits."""
    spec = drawn()
    texts = [layer for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    assert [layer["mark"]["align"] for layer in texts] == ["left", "right"]
    first, second = rows_of(spec, texts[0])
    assert (first["before"], second["before"]) == (False, True)
    assert second["shown"].startswith("✕ <script>")
    without_data = {name: value for name, value in spec.items() if name != "datasets"}
    assert "alert" not in str(without_data)
