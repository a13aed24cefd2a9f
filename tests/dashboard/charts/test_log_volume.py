"""Log records over time, as a Vega-Lite spec."""

from typing import Any

import altair as alt

from dashboard.charts.log_volume import COLOURS, log_volume_chart
from dashboard.charts.palette import BLUE, VERMILLION


def rows_of(chart: alt.LayerChart, layer: int) -> list[dict[str, Any]]:
    """What a layer draws."""
    spec = chart.to_dict()
    data = spec["layer"][layer].get("data") or spec["data"]
    rows: list[dict[str, Any]] = spec["datasets"][data["name"]]
    return rows


def test_severe_records_are_at_the_foot_of_each_bar() -> None:
    """The stacks are made of what is there, in the constant colours of the severities."""
    spec = log_volume_chart(
        [0, 60_000], {"INFO": [3, 2], "ERROR": [0, 1], "WARN": [0, 0]}, step=60_000, time_title="Time (UTC)"
    ).to_dict()
    (layer,) = spec["layer"]
    assert layer["encoding"]["color"]["scale"] == {"domain": ["ERROR", "INFO"], "range": [VERMILLION, BLUE]}
    assert layer["encoding"]["x"]["axis"]["title"] == "Time (UTC)"
    assert layer["encoding"]["x"]["scale"]["domain"] == ["1970-01-01T00:00:00Z", "1970-01-01T00:02:00Z"]


def test_the_rows_add_up() -> None:
    """Each bar's pieces lie on each other and are as high as what they count."""
    chart = log_volume_chart([0], {"INFO": [3], "ERROR": [2], "UNKNOWN": [1]}, step=1000, time_title="")
    rows = rows_of(chart, 0)
    assert [(row["severity"], row["foot"], row["top"], row["count"]) for row in rows] == [
        ("ERROR", 0, 2, 2),
        ("INFO", 2, 5, 3),
        ("UNKNOWN", 5, 6, 1),
    ]
    assert set(COLOURS) >= {row["severity"] for row in rows}


def test_nothing_is_an_empty_chart() -> None:
    """No bars, and no failure."""
    assert rows_of(log_volume_chart([], {}, step=1000, time_title=""), 0) == []
