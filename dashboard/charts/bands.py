"""Stretches of time in a state: as bands behind lines, and as bars of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.marks import Mark
from dashboard.charts.palette import AMBER, MUTED, VERMILLION
from dashboard.charts.rows import Row
from dashboard.charts.theme import themed
from dashboard.charts.time_axis import TIME_LABEL, time_scale

COLOURS: Final = {"firing": VERMILLION, "pending": AMBER, "failing": MUTED}
_TITLES: Final = {"firing": "firing", "pending": "pending", "failing": "could not be evaluated"}
_LANE_PIXELS: Final = 26
_AXIS_PIXELS: Final = 46


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time, in milliseconds of the wall clock that the axis shows.

    Attributes:
        state: firing, pending or failing.
        start: its first moment.
        end: the first moment after it.
        lane: whose it is, where there are bars for several.
    """

    state: str
    start: int
    end: int
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What lies over or behind the lines of a chart.

    Attributes:
        bands: stretches of time.
        threshold: a value that decides; drawn across, in the metric's unit.
        marks: what happened at a moment.
        earlier: rows of an earlier range, moved to where they are compared; drawn pale and dashed.
        earlier_title: what the legend calls these.
        earlier_moved: by how many milliseconds they were moved from their own wall clock.
        percentiles: series that are percentiles of one thing, the lowest first; areas are drawn between them.
    """

    bands: Sequence[Band] = field(default=())
    threshold: float | None = None
    marks: Sequence[Mark] = field(default=())
    earlier: Sequence[Row] = field(default=())
    earlier_title: str = "before"
    earlier_moved: int = 0
    percentiles: Sequence[str] = field(default=())


def bands_behind(bands: Sequence[Band], scale: alt.Scale) -> list[alt.Chart]:
    """One layer of rectangles over the whole height for each state, and a line where each band begins.

    Args:
        bands: to draw.
        scale: of the time axis.
    """
    layers = []
    for state, colour in COLOURS.items():
        mine = [band for band in bands if band.state == state]
        if not mine:
            continue
        base = alt.Chart(_frame(mine)).encode(x=alt.X("start:T", scale=scale), tooltip=_tooltip())
        layers.append(base.mark_rect(color=colour, opacity=0.16).encode(x2="end:T"))
        layers.append(base.mark_rule(color=colour, opacity=0.8, strokeWidth=1))
    return layers


def threshold_across(value: float) -> alt.Chart:
    """A dashed line at a value of the axis."""
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame({"threshold": [value]}))
        .mark_rule(color=VERMILLION, strokeDash=[5, 4], strokeWidth=1)
        .encode(y="threshold:Q")
    )
    return chart


def state_bars(bands: Sequence[Band], *, lanes: Sequence[str], start: int, end: int, time_title: str) -> alt.LayerChart:
    """Draw a bar for each stretch of time, a row for each lane, coloured by the state.

    Args:
        bands: of all lanes.
        lanes: the rows, from the top; one without bands stays empty.
        start: left end of the time axis, in milliseconds of the wall clock shown.
        end: right end, likewise.
        time_title: title of the time axis, such as its zone.
    """
    scale = time_scale(start, end)
    colours = alt.Scale(domain=[_TITLES[state] for state in COLOURS], range=list(COLOURS.values()))
    axis = alt.Axis(title=time_title, labelExpr=TIME_LABEL, labelOverlap="greedy", tickCount=10)
    bars = (
        alt.Chart(_frame(bands))
        # The outline keeps a stretch visible that is shorter than a pixel.
        .mark_bar(height=14, clip=True, strokeWidth=1.5)
        .encode(
            x=alt.X("start:T", scale=scale, axis=axis),
            x2="end:T",
            y=alt.Y("lane:N", scale=alt.Scale(domain=list(lanes)), axis=alt.Axis(title=None, labelLimit=220)),
            stroke=alt.Stroke("title:N", scale=colours, legend=None),
            color=alt.Color(
                "title:N",
                scale=colours,
                legend=alt.Legend(orient="top", direction="horizontal", symbolType="square"),
            ),
            tooltip=_tooltip(),
        )
    )
    layered = cast("alt.LayerChart", alt.layer(bars))
    return themed(layered, height=_LANE_PIXELS * max(1, len(lanes)) + _AXIS_PIXELS + 30)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("title:N", title="State"),
        alt.Tooltip("from:N", title="From"),
        alt.Tooltip("until:N", title="Until"),
    ]


def _frame(bands: Sequence[Band]) -> pd.DataFrame:
    rows = [
        {
            "lane": band.lane,
            "title": _TITLES.get(band.state, band.state),
            "start": float(band.start),
            "end": float(band.end),
            "from": _clock(band.start),
            "until": _clock(band.end),
        }
        for band in bands
    ]
    frame = pd.DataFrame(rows, columns=["lane", "title", "start", "end", "from", "until"])
    # Arrow hands 64-bit integers to the browser as BigInt, which a time scale cannot read.
    return frame.astype({"start": "float64", "end": "float64"})


def _clock(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%a %d %b %Y %H:%M:%S}"
