"""One chart, two looks."""

import json
from typing import Any, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import BLUE, DARK, INK, MUTED, VERMILLION
from dashboard.charts.theme import on_dark, themed


def _chart() -> alt.LayerChart:
    data = pd.DataFrame({"x": [1.0, 2.0], "name": ["a", BLUE]})
    base = alt.Chart(data).encode(
        x="x:Q",
        color=alt.Color("name:N", scale=alt.Scale(domain=["a", BLUE], range=[BLUE, VERMILLION])),
        opacity=alt.condition("datum.x > 1", alt.value(1), alt.value(0.5)),
    )
    layered = alt.layer(base.mark_line(), base.mark_text(color=INK).encode(text="name:N"))
    return themed(cast("alt.LayerChart", layered), height=100)


def _without_data(chart: alt.LayerChart) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict()
    spec.pop("datasets")
    return spec


def test_a_dark_page_gets_the_counterparts() -> None:
    """Marks, scales and the axes' texts change their colours, and nothing of the light look is left."""
    spec = _without_data(on_dark(_chart()))
    assert spec["layer"][0]["encoding"]["color"]["scale"]["range"] == [DARK[BLUE], DARK[VERMILLION]]
    assert spec["layer"][1]["mark"]["color"] == DARK[INK]
    assert spec["config"]["axis"]["labelColor"] == DARK[MUTED]
    assert INK not in json.dumps(spec)


def test_the_light_chart_and_the_data_stay_as_they_are() -> None:
    """Drawing on a dark page changes no chart that somebody else may be shown, and no value that looks like one."""
    chart = _chart()
    before = chart.to_dict()
    dark = on_dark(chart).to_dict()
    assert chart.to_dict() == before
    assert dark["datasets"] == before["datasets"]
