"""Charts of models and predictions, by their specification."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.against_reference import MOST_BARS, OTHERS, category_against, density, number_against
from dashboard.charts.confusion import confusion_matrix, threshold_curves
from dashboard.charts.intervals import Measured, interval_bars
from dashboard.charts.palette import BLUE, VERMILLION
from dashboard.charts.performance import IMMATURE, MATURE, Point, performance_over_time
from dashboard.charts.reliability import ScoreBin, reliability_curve

DAY = 86_400_000


def rows_of(chart: Any) -> list[dict[str, Any]]:
    """Every row of every data set of a chart."""
    return [row for rows in spec_of(chart)["datasets"].values() for row in rows]


def spec_of(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite reads it."""
    spec: dict[str, Any] = json.loads(chart.to_json())
    return spec


def marks_of(chart: Any) -> list[str]:
    """The kinds of its layers."""
    return [layer["mark"]["type"] for layer in spec_of(chart)["layer"]]


def test_what_is_not_mature_is_dashed_pale_and_hollow() -> None:
    """And the dashed end is joined to what is finished; a bucket without a figure is a gap."""
    points = [
        Point(place * DAY, None if place == 1 else 0.5, 0.4, 0.6, 100, 120, place < 3, "v1") for place in range(4)
    ]
    chart = performance_over_time(points, unit="", start=0, end=4 * DAY, colours={"v1": BLUE})
    rows = rows_of(chart)
    assert [row["state"] for row in rows] == [MATURE, MATURE, MATURE, IMMATURE, IMMATURE]
    assert [row["value"] for row in rows] == [0.5, None, 0.5, 0.5, 0.5]
    band, line, dots = spec_of(chart)["layer"]
    assert band["mark"]["type"] == "area"
    assert (band["encoding"]["y"]["field"], band["encoding"]["y2"]["field"]) == ("low", "high")
    assert line["encoding"]["strokeDash"]["scale"]["range"] == [[1, 0], [4, 3]]
    assert dots["encoding"]["fill"]["condition"]["test"] == f"datum.state == '{MATURE}'"
    assert dots["encoding"]["fill"]["value"] == "transparent"
    assert {each["title"] for each in dots["encoding"]["tooltip"]} >= {"Value", "95 % interval", "Labelled", "Labels"}


def test_a_share_is_drawn_in_per_cent_and_a_version_in_its_colour() -> None:
    """Values are scaled once; the colour is the one given."""
    chart = performance_over_time(
        [Point(0, 0.73, 0.7, 0.76, 9, 10, True, "v")], unit="ratio", start=0, end=DAY, colours={"v": VERMILLION}
    )
    (row,) = rows_of(chart)
    assert (row["value"], row["low"]) == (pytest.approx(73), pytest.approx(70))
    assert spec_of(chart)["layer"][1]["encoding"]["color"]["scale"] == {"domain": ["v"], "range": [VERMILLION]}


def test_parts_keep_their_rows_and_say_why_they_have_no_figure() -> None:
    """The whole's figure is a line across; the order is the one given."""
    parts = [
        Measured("b", 0.5, 0.4, 0.6, 100, 110),
        Measured("a", None, None, None, 3, 3, note="3 labels; 20 are the fewest"),
        Measured("c", 0.7, None, None, 40, 90, mature=False),
    ]
    chart = interval_bars(parts, unit="", title="Log loss", whole=0.55)
    assert marks_of(chart) == ["rule", "rule", "point", "text"]
    assert spec_of(chart)["layer"][1]["encoding"]["y"]["scale"]["domain"] == ["b", "a", "c"]
    rows = rows_of(chart)
    assert {"whole": 0.55} in rows
    assert [row["note"] for row in rows if row.get("name") == "a"] == ["3 labels; 20 are the fewest"]
    assert [row["state"] for row in rows if row.get("name") == "c"] == [IMMATURE]


def test_scores_are_held_against_the_diagonal() -> None:
    """Both axes have one scale, which ends beyond the last interval and never beyond 1."""
    bins = [ScoreBin(0.1, 0.12, 0.1, 0.14, 400, 0.05, 0.15), ScoreBin(0.4, 0.5, 0.45, 0.55, 400, 0.3, 0.6)]
    spec = spec_of(reliability_curve(bins))
    diagonal = spec["layer"][0]["encoding"]
    assert diagonal["x"]["scale"] == diagonal["y"]["scale"]
    assert diagonal["x"]["scale"]["domain"][1] == pytest.approx(0.55 * 1.08)
    assert spec_of(reliability_curve([ScoreBin(1.0, 1.0, 0.9, 1.0, 5, 1, 1)]))["layer"][0]["encoding"]["x"]["scale"][
        "domain"
    ] == [0, 1.0]


def test_a_confusion_matrix_has_a_row_for_what_was_true() -> None:
    """Shares are of the row; a class that never was true has none."""
    rows = rows_of(confusion_matrix(["late", "on_time", "never"], [[3, 1, 0], [2, 2, 0], [0, 0, 0]]))
    told = {(row["true"], row["decided"]): (row["count"], row["share"], row["percent"], row["what"]) for row in rows}
    assert told["late", "late"] == (3, 0.75, "75.0%", "right")
    assert told["late", "on_time"] == (1, 0.25, "25.0%", "wrong")
    assert told["never", "never"] == (0, 0.0, "–", "right")


def test_thresholds_show_precision_and_recall_and_the_chosen_one() -> None:
    """Two lines, and a rule where it lies."""
    chart = threshold_curves([(0.0, 0.2, 1.0), (1.0, None, 0.0)], chosen=0.3)
    assert marks_of(chart) == ["line", "rule"]
    rows = rows_of(chart)
    assert {"threshold": 0.3} in rows
    assert {"threshold": 1.0, "value": None, "what": "precision"} in rows


@given(st.lists(st.floats(-1e6, 1e6), min_size=101, max_size=101).map(sorted))
def test_a_density_holds_all_but_the_tails(quantiles: list[float]) -> None:
    """Whatever the numbers, bins are in order, and their shares add up to at least what lies between the tails."""
    parts = density(quantiles)
    assert all(start <= end for start, end, _ in parts)
    assert 0.97 <= sum(share for _, _, share in parts) <= 1 + 1e-9


def test_a_density_is_that_of_the_rows() -> None:
    """A uniform distribution is flat, a normal one is highest in its middle."""
    flat = density([float(n) for n in range(101)])
    assert [share for _, _, share in flat] == pytest.approx([0.98 / 30] * 30)
    bell = [
        share
        for _, _, share in density(
            np.quantile(np.random.default_rng(1).normal(size=9_999), np.linspace(0, 1, 101)).tolist()
        )
    ]
    assert 13 <= bell.index(max(bell)) <= 17


def test_the_value_stands_across_the_distribution_also_outside_of_it() -> None:
    """The axis reaches to it; without a number there is no mark."""
    chart = number_against([float(n) for n in range(101)], 250.0)
    assert marks_of(chart) == ["rect", "rule"]
    assert spec_of(chart)["layer"][0]["encoding"]["x"]["scale"]["domain"][1] == 250.0
    assert marks_of(number_against([1.0, 1.0], None)) == ["rect"]


def test_a_rare_category_has_its_own_bar() -> None:
    """Among the commonest, though it is none; everything else is together."""
    shares = {f"c{place}": 0.1 for place in range(9)}
    rows = rows_of(category_against(shares, 0.1, "odd"))
    assert len(rows) == MOST_BARS + 1
    assert [row for row in rows if row["mine"] == "this prediction"] == [
        {"name": "odd", "share": 0.0, "mine": "this prediction"}
    ]
    assert rows[-1]["name"] == OTHERS
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)


def test_categories_that_begin_alike_keep_bars_of_their_own() -> None:
    """And one that is called like the rest is not mixed up with it."""
    shares = {f"{'x' * 100}{place}": 0.2 for place in range(3)} | {OTHERS: 0.1}
    rows = rows_of(category_against(shares, 0.3, f"{'x' * 100}1"))
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names) == 5
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)
    assert [row["mine"] for row in rows].count("this prediction") == 1
